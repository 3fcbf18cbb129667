//! The architecture, checked: which part knows what, what the repository holds, and where its
//! documents lead. `docs/architecture.md` gives the reasons.

mod layers;
mod repository;
mod source;
