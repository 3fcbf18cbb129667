//! Whom this wallet paid where: what tells a payer that a sticker was replaced.
//!
//! A signature shows that the issuer knows the merchant. It does not show that the code on the
//! table is the table's: a thief with a merchant account of their own has signed codes too. Only
//! the payer knows where they are, so the wallet compares.

/// The most merchants that are remembered: more than a payer goes back to, and a file that is
/// read in a moment. The one that was paid longest ago is forgotten first.
pub const KNOWN_MERCHANTS_MAX: usize = 256;

/// A merchant that was paid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownMerchant {
    /// The merchant's id, from a code whose signature was verified.
    pub merchant: [u8; 16],
    /// The merchant's name, from there too.
    pub name: String,
    /// Where: a text of the app's or the payer's choice (a shop, a stall, a wireless network).
    pub place: Option<String>,
}

/// Whether a wallet knows the merchant of a code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Familiarity {
    /// Nothing is known about this merchant or this place.
    NewHere,
    /// The merchant was paid before: here, or, if nobody was paid here, elsewhere.
    SameAsBefore,
    /// Others were paid here, and never this one. Warn: the sticker may have been replaced.
    OtherMerchantHere {
        /// The name of the one who was paid here last.
        before: String,
    },
    /// Another merchant was paid who has this name. Warn: somebody may pass for them.
    SameNameOtherMerchant {
        /// The name of the one who was paid.
        before: String,
    },
}

impl Familiarity {
    /// A stable name, in `snake_case`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NewHere => "new_here",
            Self::SameAsBefore => "same_as_before",
            Self::OtherMerchantHere { .. } => "other_merchant_here",
            Self::SameNameOtherMerchant { .. } => "same_name_other_merchant",
        }
    }

    /// Whether the payer should look twice.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        match self {
            Self::NewHere | Self::SameAsBefore => false,
            Self::OtherMerchantHere { .. } | Self::SameNameOtherMerchant { .. } => true,
        }
    }
}

/// The merchants that were paid, the latest last.
///
/// ```
/// use wallet_core::merchant_code::{Familiarity, KnownMerchant, KnownMerchants};
/// let noodles = KnownMerchant {
///     merchant: [1; 16],
///     name: "Zhang's Noodles".into(),
///     place: Some("stall 7".into()),
/// };
/// let mut known = KnownMerchants::default();
/// assert_eq!(known.compare(&noodles), Familiarity::NewHere);
/// known.remember(noodles.clone());
/// assert_eq!(known.compare(&noodles), Familiarity::SameAsBefore);
///
/// let thief = KnownMerchant { merchant: [2; 16], name: "Stall".into(), ..noodles };
/// let before = "Zhang's Noodles".into();
/// assert_eq!(known.compare(&thief), Familiarity::OtherMerchantHere { before });
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KnownMerchants(Vec<KnownMerchant>);

impl KnownMerchants {
    /// What was kept elsewhere, the latest last. Of too many the latest are kept.
    #[must_use]
    pub fn from_list(list: Vec<KnownMerchant>) -> Self {
        let mut known = Self::default();
        for merchant in list {
            known.remember(merchant);
        }
        known
    }

    /// All of them, the latest last.
    #[must_use]
    pub fn list(&self) -> &[KnownMerchant] {
        &self.0
    }

    /// Compares the merchant of a verified code with those that were paid.
    #[must_use]
    pub fn compare(&self, code: &KnownMerchant) -> Familiarity {
        let same = |known: &&KnownMerchant| known.merchant == code.merchant;
        let place = code.place.as_deref().map(folded);
        let is_here =
            |known: &&KnownMerchant| place.is_some() && known.place.as_deref().map(folded) == place;
        let latest_first = || self.0.iter().rev();
        if let Some(before) = latest_first().find(is_here) {
            return if latest_first().filter(is_here).any(|known| same(&known)) {
                Familiarity::SameAsBefore
            } else {
                Familiarity::OtherMerchantHere { before: before.name.clone() }
            };
        }
        if latest_first().any(|known| same(&known)) {
            return Familiarity::SameAsBefore;
        }
        let name = folded(&code.name);
        latest_first()
            .find(|known| folded(&known.name) == name)
            .map_or(Familiarity::NewHere, |known| Familiarity::SameNameOtherMerchant {
                before: known.name.clone(),
            })
    }

    /// Remembers a merchant, after a payment that succeeded.
    pub fn remember(&mut self, paid: KnownMerchant) {
        let place = paid.place.as_deref().map(folded);
        self.0.retain(|known| {
            known.merchant != paid.merchant || known.place.as_deref().map(folded) != place
        });
        self.0.push(paid);
        self.0.drain(..self.0.len().saturating_sub(KNOWN_MERCHANTS_MAX));
    }
}

/// A text as people compare it: without regard to case and spaces.
fn folded(text: &str) -> String {
    text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Familiarity, KNOWN_MERCHANTS_MAX, KnownMerchant, KnownMerchants};

    fn merchant(number: u8, name: &str, place: Option<&str>) -> KnownMerchant {
        let place = place.map(str::to_owned);
        KnownMerchant { merchant: [number; 16], name: name.to_owned(), place }
    }

    fn known() -> KnownMerchants {
        KnownMerchants::from_list(vec![
            merchant(1, "Zhang's Noodles", Some("stall 7")),
            merchant(2, "Tea House", None),
            merchant(3, "Fruit", Some("market")),
            merchant(4, "Fish", Some("market")),
        ])
    }

    #[test]
    fn a_replaced_sticker_is_noticed_and_regulars_are_not_warned() {
        let other = |before: &str| Familiarity::OtherMerchantHere { before: before.to_owned() };
        let namesake =
            |before: &str| Familiarity::SameNameOtherMerchant { before: before.to_owned() };
        for (code, familiarity) in [
            (merchant(1, "Zhang's Noodles", Some("stall 7")), Familiarity::SameAsBefore),
            (merchant(1, "Zhang's Noodles", Some(" Stall  7")), Familiarity::SameAsBefore),
            (merchant(1, "Zhang's Noodles", None), Familiarity::SameAsBefore),
            (merchant(1, "Zhang & Sons", Some("stall 7")), Familiarity::SameAsBefore),
            (merchant(2, "Tea House", Some("elsewhere")), Familiarity::SameAsBefore),
            (merchant(9, "Zhang's Noodles", Some("stall 7")), other("Zhang's Noodles")),
            (merchant(2, "Tea House", Some("stall 7")), other("Zhang's Noodles")),
            (merchant(9, "Meat", Some("market")), other("Fish")),
            (merchant(3, "Fruit", Some("market")), Familiarity::SameAsBefore),
            (merchant(9, "ZHANG'S  noodles", None), namesake("Zhang's Noodles")),
            (merchant(9, "tea house", Some("elsewhere")), namesake("Tea House")),
            (merchant(9, "Flowers", Some("elsewhere")), Familiarity::NewHere),
            (merchant(9, "Flowers", None), Familiarity::NewHere),
        ] {
            assert_eq!(known().compare(&code), familiarity, "{code:?}");
        }
    }

    #[test]
    fn a_merchant_is_remembered_once_for_a_place_with_the_latest_name() {
        let mut known = known();
        known.remember(merchant(1, "Zhang & Sons", Some("STALL 7")));
        known.remember(merchant(1, "Zhang & Sons", Some("the fair")));
        let names: Vec<_> = known.list().iter().map(|known| known.name.as_str()).collect();
        assert_eq!(names, ["Tea House", "Fruit", "Fish", "Zhang & Sons", "Zhang & Sons"]);
    }

    #[test]
    fn of_too_many_the_one_that_was_paid_longest_ago_is_forgotten() {
        let many = (0..=KNOWN_MERCHANTS_MAX)
            .map(|number| merchant(1, "", Some(&number.to_string())))
            .collect();
        let known = KnownMerchants::from_list(many);
        assert_eq!(known.list().len(), KNOWN_MERCHANTS_MAX);
        assert_eq!(known.list()[0].place.as_deref(), Some("1"));
    }
}
