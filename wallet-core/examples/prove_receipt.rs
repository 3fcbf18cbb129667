//! An auditor's side: a receipt that proves its place in the issuer's journal, and a journal that
//! only grows.
//!
//! ```sh
//! cargo run -p wallet-core --features proof --example prove_receipt RECEIPT DOCUMENT
//! ```
//!
//! `RECEIPT` is what `GET /v1/journal/proof` answers in `receipt`, `DOCUMENT` what `GET /v1/issuer`
//! answers in `document`. Nothing is asked of anybody: no network. Who the issuer is must be known
//! beforehand; this example prints whom the document names.

use wallet_core::issuer::IssuerDocument;
use wallet_core::receipt::Receipt;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(receipt), Some(document)) = (arguments.next(), arguments.next()) else {
        return Err("give a receipt and the issuer's document".into());
    };
    let document = IssuerDocument::parse(&document)?;
    let issuer = document.claimed_issuer_id();
    let keys = document.verify(&issuer)?.signing_keys();
    println!("the issuer is {issuer}");

    let receipt = Receipt::parse(&receipt)?.verify(&issuer, &keys)?;
    let record = receipt.record();
    println!("it signed: {} {}, {}", record.kind.as_str(), record.state.as_str(), record.asked);

    let included = receipt.verify_inclusion(&issuer, &keys)?;
    let checkpoint = included.checkpoint.checkpoint();
    println!("it stands at position {} of {}", included.position, checkpoint.size);
    println!("keep this, and nothing before it can be changed unseen:\n{}", included.checkpoint);
    Ok(())
}
