//! Reading answers: the status, how long the answer is, and the payment's id.

use std::io;

use wallet_server::domain::ids::PaymentId;

/// More than the server sends.
const HEADERS_MAX: usize = 32;

/// A complete answer.
#[derive(PartialEq, Eq, Debug)]
pub(in super::super) struct Response<'a> {
    pub(in super::super) status: u16,
    body: &'a [u8],
}

/// Reads an answer; none when more of it is to come.
pub(in super::super) fn parse(bytes: &[u8]) -> io::Result<Option<Response<'_>>> {
    let malformed = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why.to_owned());
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(|error| malformed(&error.to_string()))?;
    let httparse::Status::Complete(head) = parsed else { return Ok(None) };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))
        .and_then(|header| str::from_utf8(header.value).ok()?.parse::<usize>().ok())
        .ok_or_else(|| malformed("an answer without a length"))?;
    let status = response.code.ok_or_else(|| malformed("an answer without a status"))?;
    let body = &bytes[head..];
    if body.len() < length {
        return Ok(None);
    }
    Ok(Some(Response { status, body: &body[..length] }))
}

impl Response<'_> {
    /// The id of the payment that the answer is about.
    pub(super) fn payment_id(&self) -> Option<PaymentId> {
        const BEFORE: &[u8] = br#""id":"pay_"#;
        const PREFIX: usize = br#""id":""#.len();
        const LENGTH: usize = "pay_".len() + 32;
        let at = self.body.windows(BEFORE.len()).position(|window| window == BEFORE)?;
        let id = self.body.get(at + PREFIX..)?.get(..LENGTH)?;
        PaymentId::parse(str::from_utf8(id).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use wallet_server::domain::ids::PaymentId;

    use super::parse;

    /// An answer with this body.
    fn answer(status: u16, body: &str) -> Vec<u8> {
        let length = body.len();
        let head = "content-type: application/json\r\nContent-Length";
        format!("HTTP/1.1 {status} x\r\n{head}: {length}\r\n\r\n{body}").into_bytes()
    }

    #[test]
    fn an_answer_is_read_once_all_of_it_is_there() {
        let id = "pay_000102030405060708090a0b0c0d0e0f";
        let bytes = answer(201, &format!(r#"{{"id":"{id}","object":"payment"}}"#));
        for length in 0..bytes.len() {
            assert_eq!(parse(&bytes[..length]).unwrap(), None, "{length}");
        }
        let response = parse(&bytes).unwrap().unwrap();
        assert_eq!(response.status, 201);
        assert_eq!(response.payment_id(), PaymentId::parse(id));
    }

    #[test]
    fn a_problem_names_its_payment_or_none() {
        let id = "pay_ffffffffffffffffffffffffffffffff";
        let declined = answer(402, &format!(r#"{{"code":"x","payment":{{"id":"{id}"}}}}"#));
        let response = parse(&declined).unwrap().unwrap();
        assert_eq!(response.payment_id(), PaymentId::parse(id));
        for body in ["{}", r#"{"id":"pay_"#, r#"{"id":"pay_zz"}"#] {
            let answer = answer(500, body);
            assert_eq!(parse(&answer).unwrap().unwrap().payment_id(), None);
        }
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        parse(b"SMTP ready\r\n\r\n").unwrap_err();
        parse(b"HTTP/1.1 200 OK\r\n\r\n").unwrap_err();
        parse(b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n").unwrap_err();
    }
}
