//! What a program reads: one JSON value a line.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;

use serde_json::{Value, json};

use crate::client::models::Confirmation;
use crate::failure::Failure;
use crate::output::Output;

use super::listen::{News, Told};

/// Prints until nobody reads, or until the device is refused.
pub(super) fn run(news: &Receiver<News>, output: Output) -> Result<(), Failure> {
    let mut printer = Printer::default();
    for news in news {
        let lines = match news {
            News::Refused(failure) => return Err(failure),
            news => printer.lines(news),
        };
        for line in lines {
            if !output.stream(&line)? {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Knows what waits, so that each payment is told once when it comes and once when it goes.
#[derive(Default)]
struct Printer {
    waiting: BTreeMap<String, Value>,
}

impl Printer {
    fn lines(&mut self, news: News) -> Vec<Value> {
        match news {
            News::Event(event) => vec![json!({"event": event.raw})],
            News::Waiting(now) => self.waiting(now),
            News::Offline(failure) => vec![json!({"offline": failure.to_json()["error"]})],
            News::Decided { .. } | News::Refused(_) => Vec::new(),
        }
    }

    fn waiting(&mut self, now: Vec<Told<Confirmation>>) -> Vec<Value> {
        let now: BTreeMap<String, Value> =
            now.into_iter().map(|told| (told.value.payment, told.raw)).collect();
        let came = now.iter().filter(|(payment, _)| !self.waiting.contains_key(*payment));
        let went = self.waiting.keys().filter(|payment| !now.contains_key(*payment));
        let lines = came
            .map(|(_, confirmation)| json!({"confirmation": confirmation}))
            .chain(went.map(|payment| json!({"closed": payment})))
            .collect();
        self.waiting = now;
        lines
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Printer;
    use crate::client::models::Confirmation;
    use crate::commands::payer::watch::listen::{News, Told};

    fn told(payment: &str) -> Told<Confirmation> {
        let raw = json!({
            "payment": payment, "merchant_name": "Tea House", "amount": "1.00",
            "currency": "CNY", "reason": "amount", "expires_at": "",
        });
        Told { value: serde_json::from_value(raw.clone()).unwrap(), raw }
    }

    #[test]
    fn each_payment_is_told_once_when_it_comes_and_once_when_it_goes() {
        let mut printer = Printer::default();
        let mut lines = |payments: &[&str]| -> Vec<String> {
            let news = News::Waiting(payments.iter().map(|payment| told(payment)).collect());
            let id = |line: &Value| match line["closed"].as_str() {
                Some(closed) => format!("- {closed}"),
                None => format!("+ {}", line["confirmation"]["payment"].as_str().unwrap()),
            };
            printer.lines(news).iter().map(id).collect()
        };
        assert_eq!(lines(&["pay_1"]), ["+ pay_1"]);
        assert!(lines(&["pay_1"]).is_empty());
        assert_eq!(lines(&["pay_2"]), ["+ pay_2", "- pay_1"]);
        assert_eq!(lines(&[]), ["- pay_2"]);
    }
}
