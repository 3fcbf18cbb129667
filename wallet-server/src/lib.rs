//! The reference backend of the wallet.
