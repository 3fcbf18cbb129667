//! What a webhook says.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::http::time::rfc3339;
use crate::service::App;
use crate::store::{EventPlace, StoreError, ToldEvent};
use crate::worker::EventTexts;

/// The body of a webhook.
#[derive(Serialize)]
struct MessageBody<'a> {
    r#type: &'a str,
    timestamp: String,
    data: DataBody,
}

/// What it is about, as of the event.
#[derive(Serialize)]
struct DataBody {
    object: &'static str,
    mode: &'static str,
    state: &'static str,
    amount: String,
    currency: &'static str,
    receipt: String,
}

impl<'a> MessageBody<'a> {
    fn new(app: &App, event: &'a ToldEvent) -> Self {
        let record = &event.record;
        let data = DataBody {
            object: record.kind.as_str(),
            mode: record.mode.as_str(),
            state: record.state.as_str(),
            amount: record.asked.amount_text(),
            currency: record.asked.currency().code(),
            receipt: app.keys.sign(record).to_string(),
        };
        Self { r#type: &event.event_type, timestamp: rfc3339(record.decided_at), data }
    }
}

/// What events say, for the worker that sends it.
pub(crate) fn event_texts(app: &Arc<App>) -> EventTexts {
    let app = Arc::clone(app);
    Arc::new(move |places| {
        let app = Arc::clone(&app);
        Box::pin(async move { texts(&app, &places).await })
    })
}

async fn texts(
    app: &App,
    places: &[EventPlace],
) -> Result<HashMap<EventPlace, String>, StoreError> {
    let events = app.store.told_events(places).await?;
    let texts = events.iter().map(|event| {
        let text = serde_json::to_string(&MessageBody::new(app, event))?;
        Ok((event.place, text))
    });
    texts.collect()
}
