use super::Postgres;

#[test]
fn a_copy_has_what_its_template_has_and_is_a_database_of_its_own() {
    let server = Postgres::shared();
    let template = server.database();
    template.run("create table t (a int); insert into t values (1)").unwrap();
    let copy = server.copy_of(&template);
    copy.run("insert into t values (2)").unwrap();
    assert!(copy.dump().contains("COPY public.t (a) FROM stdin;\n1\n2\n"));
    assert!(template.dump().contains("COPY public.t (a) FROM stdin;\n1\n\\."));
    assert!(copy.run("select nothing").unwrap_err().contains("nothing"));
}

#[test]
fn what_was_committed_is_there_after_the_server_was_stopped_at_once() {
    let server = Postgres::start();
    let database = server.database();
    database.run("create table t (a int); insert into t values (7)").unwrap();
    server.stop_at_once();
    assert!(database.run("select 1").is_err());
    server.start_again();
    assert!(database.dump().contains("\n7\n"));
}

#[test]
fn nothing_is_left_of_a_server_that_nobody_holds() {
    let server = Postgres::start();
    let folder = server.folder().to_owned();
    let process = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    let process = process.lines().next().unwrap().to_owned();
    // Of a process that has ended there may be a number left, but no command.
    let command = format!("/proc/{process}/cmdline");
    let alive = || std::fs::read(&command).is_ok_and(|command| !command.is_empty());
    assert!(alive());
    drop(server);
    assert!(!folder.exists());
    assert!(!alive());
}
