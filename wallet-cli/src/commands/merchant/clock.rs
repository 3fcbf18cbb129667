//! `wallet merchant clock`

use serde_json::json;

use crate::client::Request;
use crate::client::models::TestClock;
use crate::failure::Failure;
use crate::output::Output;

use super::MerchantArgs;

/// Show the server's clock, or let time pass (test keys)
///
/// Only with a server that was started with `wallet serve --test-clock`, on books of its own. The
/// clock is everybody's on that server, and only goes forward.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  wallet merchant clock
  wallet merchant clock --advance 25h")]
pub(crate) struct Args {
    /// Move it forward by so many seconds, minutes, hours or days
    #[arg(long, value_name = "30s|5m|25h|8d", value_parser = duration)]
    advance: Option<u32>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

pub(super) async fn run(args: Args, output: Output) -> Result<(), Failure> {
    let request = match args.advance {
        None => Request::get("/v1/test/clock"),
        Some(seconds) => Request::post("/v1/test/clock/advance", json!({ "seconds": seconds })),
    };
    output.show(&args.merchant.client()?.send::<TestClock>(request).await?)
}

/// Seconds.
fn duration(text: &str) -> Result<u32, String> {
    let units = [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60)];
    let found = units.into_iter().find_map(|(unit, seconds)| {
        let count: u32 = text.strip_suffix(unit)?.parse().ok()?;
        count.checked_mul(seconds)
    });
    found.filter(|seconds| *seconds > 0).ok_or_else(|| "write it as 30s, 5m, 25h or 8d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn a_duration_is_a_number_with_its_unit() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("25h", 90_000), ("8d", 691_200)] {
            assert_eq!(duration(text), Ok(seconds));
        }
        for text in ["", "30", "h", "-1h", "0s", "1.5h", "1 h", "1w", "99999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
