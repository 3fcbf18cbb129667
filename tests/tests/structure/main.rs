//! The architecture, checked: which part knows what, what the repository holds, and where its
//! documents lead. `docs/architecture.md` gives the reasons.

mod journeys;
mod layers;
mod repository;
mod source;
