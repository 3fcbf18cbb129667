//! What webhooks say.

use std::sync::Arc;

use crate::http::{merchant_event_id, merchant_event_text};
use crate::issuer::IssuerKeys;
use crate::store::{MerchantEvent, Store};
use crate::worker::{EventText, EventTexts};

/// What events say, for the worker that sends it.
pub(crate) fn event_texts(store: &Arc<Store>, keys: Arc<dyn IssuerKeys>) -> EventTexts {
    let store = Arc::clone(store);
    Arc::new(move |places| {
        let (store, keys) = (Arc::clone(&store), Arc::clone(&keys));
        Box::pin(async move {
            let events = store.merchant_events_at(&places).await?;
            let text = |event: MerchantEvent| {
                let id = merchant_event_id(&event);
                let place = event.cursor.into();
                (place, EventText { id, body: merchant_event_text(keys.as_ref(), event) })
            };
            Ok(events.into_iter().map(text).collect())
        })
    })
}
