//! Answers that are too large to be held in memory.

use std::io::Write;
use std::time::Duration;

use super::{Client, Request, refusal, retry_after};
use crate::failure::{Exit, Failure};

/// How long a download may take: a payer's whole history over a slow line.
const DOWNLOAD_SECONDS_MAX: u64 = 3600;

impl Client {
    /// Writes the body of an answer as it comes, and returns how many bytes it had.
    ///
    /// An answer that breaks off is an error, so what was written is then a part of it.
    pub(crate) async fn download(
        &self,
        request: Request<'_>,
        to: &mut impl Write,
    ) -> Result<u64, Failure> {
        let mut prepared = self.prepare(&request)?;
        *prepared.timeout_mut() = Some(Duration::from_secs(DOWNLOAD_SECONDS_MAX));
        let mut response = self.http.execute(prepared).await.map_err(|error| self.lost(&error))?;
        if !response.status().is_success() {
            let (status, later) = (response.status().as_u16(), retry_after(&response));
            let body = response.bytes().await.map_err(|error| self.lost(&error))?;
            return Err(refusal(status, &body, later));
        }
        let mut written = 0_u64;
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(&error))? {
            to.write_all(&chunk).map_err(|error| {
                Failure::new(Exit::Local, "output", format!("can't write: {error}"))
            })?;
            written = written.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
        }
        Ok(written)
    }
}
