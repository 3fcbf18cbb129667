//! Where a merchant's payouts go to.

/// The most characters of an account's holder and of a bank's name or code.
pub const PAYOUT_NAME_LENGTH_MAX: usize = 100;
/// The fewest and the most characters of an account: an IBAN (ISO 13616) has at most 34, and the
/// shortest account numbers of banks have 6 digits.
const PAYOUT_ACCOUNT_LENGTHS: std::ops::RangeInclusive<usize> = 6..=34;

/// How many characters at the end of an account are shown to merchants, and of how long a one.
const SHOWN_LENGTH: usize = 4;
const SHOWN_OF_LENGTH_MIN: usize = 8;
/// What stands for the others: always the same, so that it does not tell how many there are.
const MASK: &str = "**";

/// An account at a bank.
#[derive(Clone, PartialEq, Eq)]
pub struct PayoutDestination {
    holder: String,
    account: String,
    bank: Option<String>,
}

impl PayoutDestination {
    /// An account with its holder and, where its number does not say it, its bank.
    ///
    /// # Errors
    /// The name of the field that makes no sense: holder and bank have 1 to 100 characters, none of
    /// which is a control character; an account has 6 to 34 capital letters and digits.
    pub fn new(
        holder: String,
        account: String,
        bank: Option<String>,
    ) -> Result<Self, &'static str> {
        let name = |text: &str| {
            (1..=PAYOUT_NAME_LENGTH_MAX).contains(&text.chars().count())
                && !text.chars().any(char::is_control)
        };
        if !name(&holder) {
            return Err("holder");
        }
        let digits = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        if !PAYOUT_ACCOUNT_LENGTHS.contains(&account.len()) || !account.bytes().all(digits) {
            return Err("account");
        }
        if bank.as_deref().is_some_and(|bank| !name(bank)) {
            return Err("bank");
        }
        Ok(Self { holder, account, bank })
    }

    /// Who has the account.
    #[must_use]
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// The account.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// The bank, by its name or code.
    #[must_use]
    pub fn bank(&self) -> Option<&str> {
        self.bank.as_deref()
    }

    /// The account as merchants see it: enough to know it again, and too little to use it.
    #[must_use]
    pub fn masked_account(&self) -> String {
        // All of it is ASCII.
        let shown = if self.account.len() < SHOWN_OF_LENGTH_MIN { 0 } else { SHOWN_LENGTH };
        let end = self.account.get(self.account.len() - shown..).unwrap_or_default();
        format!("{MASK}{end}")
    }
}

/// Without the account.
impl std::fmt::Debug for PayoutDestination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PayoutDestination").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::PayoutDestination;

    fn with(
        holder: &str,
        account: &str,
        bank: Option<&str>,
    ) -> Result<PayoutDestination, &'static str> {
        PayoutDestination::new(holder.to_owned(), account.to_owned(), bank.map(str::to_owned))
    }

    #[test]
    fn an_account_that_no_bank_has_is_refused_by_its_field() {
        with("Tea House", "DE89370400440532013000", Some("COBADEFFXXX")).unwrap();
        with("张三", "622202", None).unwrap();
        let long = "x".repeat(101);
        for (holder, account, bank, field) in [
            ("", "622202", None, "holder"),
            (&*long, "622202", None, "holder"),
            ("Tea\nHouse", "622202", None, "holder"),
            ("Tea House", "62220", None, "account"),
            ("Tea House", "DE89 3704 0044 0532 0130 00", None, "account"),
            ("Tea House", "de89370400440532013000", None, "account"),
            ("Tea House", "DE893704004405320130001234567890123", None, "account"),
            ("Tea House", "=62220", None, "account"),
            ("Tea House", "622202", Some(""), "bank"),
        ] {
            assert_eq!(with(holder, account, bank).unwrap_err(), field, "{account}");
        }
    }

    #[test]
    fn a_merchant_sees_the_end_of_an_account_that_is_long_enough() {
        for (account, masked) in
            [("DE89370400440532013000", "**3000"), ("62220212", "**0212"), ("6222021", "**")]
        {
            let destination = with("Tea House", account, None).unwrap();
            assert_eq!(destination.masked_account(), masked);
            assert!(!format!("{destination:?}").contains(account));
        }
    }
}
