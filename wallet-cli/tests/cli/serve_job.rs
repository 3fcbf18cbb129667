//! `wallet serve` as supervisors run it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::shop::{printed, wallet};

/// Tells a process to end, as supervisors do.
fn terminate(server: &Child) {
    let pid = rustix::process::Pid::from_child(server);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

#[test]
fn a_server_whose_log_nobody_reads_any_more_serves_and_stops_as_always() {
    let folder = tempfile::tempdir().unwrap();
    let mut serve = wallet(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    // A line for each request, and each of them fails to be written.
    serve.args(["--set", "log.filter=debug"]);
    let mut server = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(server.stderr.take());
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("operator.sock")), "it does not start");
    for number in 1..=3 {
        let name = format!("payer {number}");
        let create = ["operator", "payer", "create", &name, "--json"];
        let payer = printed(&wallet(folder.path(), &create).output().unwrap());
        let payer = payer["id"].as_str().unwrap();
        // Settlement logs as well, on a thread of its own.
        let bank = format!("bank-{number}");
        let top_up = ["operator", "top-up", payer, "5.00", "--external-reference", &bank];
        let output = wallet(folder.path(), &top_up).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    terminate(&server);
    let ended = server.wait().unwrap();
    assert!(ended.success(), "{ended}");
    assert!(!folder.path().join("operator.sock").exists(), "it did not stop cleanly");
}
