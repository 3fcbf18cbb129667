//! Merchants and their tills.

use serde::{Deserialize, Serialize};
use wallet_core::merchant_code::{City, Country, MerchantCategory};
use wallet_core::{Currency, Mode, TerminalId, Timestamp};

use super::accounts::{self, NewAccount, currency};
use super::api_keys::{NewApiKey, write_api_keys};
use super::connection::{Store, Transaction};
use super::error::StoreError;
use super::hex::Hex;
use super::sql::{Sql, sql};
use crate::domain::fee::FeeRule;
use crate::domain::ids::{AccountId, MerchantId};
use crate::domain::ledger::AccountKind;

/// A merchant.
#[derive(Clone, Debug)]
pub struct Merchant {
    /// Its id.
    pub id: MerchantId,
    /// Live or test.
    pub mode: Mode,
    /// The name that payers see.
    pub name: String,
    /// The currency that it is paid in.
    pub currency: Currency,
    /// What it pays for payments.
    pub fee: FeeRule,
    /// What its codes say about it.
    pub place: MerchantPlace,
    /// Since when.
    pub created_at: Timestamp,
    /// Whether it takes no payments any more.
    pub closed: bool,
}

impl Merchant {
    /// What state it is in, by its name.
    #[must_use]
    pub const fn state(&self) -> &'static str {
        if self.closed { "closed" } else { "active" }
    }
}

/// What the codes that a merchant shows say about it; the issuer's settings say the rest.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct MerchantPlace {
    /// What it sells: ISO 18245, four digits.
    pub category: Option<MerchantCategory>,
    /// Where: ISO 3166, two capital letters.
    pub country: Option<Country>,
    /// The city.
    pub city: Option<City>,
}

/// A merchant to be taken on, with its account and its first API key.
#[derive(Clone, Debug)]
pub struct MerchantWithKey {
    /// The merchant.
    pub merchant: Merchant,
    /// Its account.
    pub account: AccountId,
    /// Its API key.
    pub key: NewApiKey,
}

/// A till.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Its id.
    pub id: TerminalId,
    /// Whose it is.
    pub merchant: MerchantId,
    /// Live or test.
    pub mode: Mode,
    /// What the merchant calls it.
    pub name: String,
    /// Since when.
    pub created_at: Timestamp,
}

const NEW_MERCHANT: Sql = sql!(input { id: blob, mode: text, name: text, account: blob,
        currency: int, fee_basis_points: int, fee_fixed: int, category: text, country: text,
        city: text, created_at: int }
    "insert into merchants (id, mode, name, state, account, currency, fee_basis_points, fee_fixed, \
        category, country, city, created_at) \
     select id, mode, name, 'active', account, currency, fee_basis_points, fee_fixed, \
        category, country, city, created_at from input");

#[derive(Serialize)]
struct NewMerchantRow<'a> {
    id: Hex<16>,
    mode: &'static str,
    name: &'a str,
    account: Hex<16>,
    currency: u16,
    fee_basis_points: u16,
    fee_fixed: i64,
    category: Option<&'a str>,
    country: Option<&'a str>,
    city: Option<&'a str>,
    created_at: i64,
}

impl<'a> NewMerchantRow<'a> {
    fn new(new: &'a MerchantWithKey) -> Self {
        let merchant = &new.merchant;
        Self {
            id: Hex(*merchant.id.as_bytes()),
            mode: merchant.mode.as_str(),
            name: &merchant.name,
            account: Hex(*new.account.as_bytes()),
            currency: merchant.currency.numeric(),
            fee_basis_points: merchant.fee.basis_points(),
            fee_fixed: merchant.fee.fixed_minor(),
            category: merchant.place.category.as_ref().map(MerchantCategory::as_str),
            country: merchant.place.country.as_ref().map(Country::as_str),
            city: merchant.place.city.as_ref().map(City::as_str),
            created_at: merchant.created_at.unix_millis(),
        }
    }
}

const MERCHANTS: Sql = sql!(input { before: blob, size: int }
    "select m.* from merchants m where m.id < (select before from input) \
     order by m.id desc limit (select size from input)"
    => { id: blob, mode: text, name: text, state: text, currency: int, fee_basis_points: int,
        fee_fixed: int, category: text, country: text, city: text, created_at: int });

const MERCHANT: Sql = sql!(input { id: blob } "select m.* from input i join merchants m on m.id = i.id"
    => { id: blob, mode: text, name: text, state: text, currency: int, fee_basis_points: int,
        fee_fixed: int, category: text, country: text, city: text, created_at: int });

const SET_FEE: Sql = sql!(input { id: blob, fee_basis_points: int, fee_fixed: int }
    "update merchants set fee_basis_points = i.fee_basis_points, fee_fixed = i.fee_fixed \
     from input i where merchants.id = i.id");

const CLOSE: Sql = sql!(input { id: blob }
    "update merchants set state = 'closed' from input i where merchants.id = i.id");

#[derive(Serialize)]
struct FeeRow {
    id: Hex<16>,
    fee_basis_points: u16,
    fee_fixed: i64,
}

#[derive(Deserialize)]
struct MerchantRow {
    id: Hex<16>,
    mode: String,
    name: String,
    state: String,
    currency: u16,
    fee_basis_points: u16,
    fee_fixed: i64,
    category: Option<String>,
    country: Option<String>,
    city: Option<String>,
    created_at: i64,
}

impl MerchantRow {
    fn merchant(self) -> Result<Merchant, StoreError> {
        Ok(Merchant {
            id: MerchantId::from_bytes(self.id.0),
            mode: mode(&self.mode)?,
            name: self.name,
            currency: currency(self.currency)?,
            fee: FeeRule::new(self.fee_basis_points, self.fee_fixed)
                .ok_or(StoreError::Corrupt("fee"))?,
            place: MerchantPlace {
                category: place(self.category, MerchantCategory::parse)?,
                country: place(self.country, Country::parse)?,
                city: place(self.city, City::parse)?,
            },
            created_at: Timestamp::from_unix_millis(self.created_at),
            closed: self.state == "closed",
        })
    }
}

/// A part of what codes say, if there is one.
fn place<T>(
    text: Option<String>,
    read: impl Fn(&str) -> Result<T, wallet_core::Error>,
) -> Result<Option<T>, StoreError> {
    let read = |text: String| read(&text).map_err(|_| StoreError::Corrupt("a merchant's place"));
    text.map(read).transpose()
}

#[derive(Serialize)]
struct Page {
    before: Hex<16>,
    size: usize,
}

#[derive(Serialize)]
struct Id {
    id: Hex<16>,
}

const NEW_TERMINAL: Sql = sql!(input { id: blob, merchant: blob, mode: text, name: text,
        created_at: int }
    "insert into terminals (id, merchant, mode, name, created_at) \
     select id, merchant, mode, name, created_at from input");

#[derive(Serialize)]
struct NewTerminalRow<'a> {
    id: Hex<16>,
    merchant: Hex<16>,
    mode: &'static str,
    name: &'a str,
    created_at: i64,
}

const TERMINAL: Sql = sql!(input { id: blob } "select t.* from input i join terminals t on t.id = i.id"
    => { id: blob, merchant: blob, mode: text, name: text, created_at: int });

const TERMINALS: Sql = sql!(input { merchant: blob, mode: text, before: int, id: blob, size: int }
    "select t.* from terminals t where t.merchant = (select merchant from input) \
        and t.mode = (select mode from input) \
        and (t.created_at, t.id) < ((select before from input), (select id from input)) \
     order by t.created_at desc, t.id desc limit (select size from input)"
    => { id: blob, merchant: blob, mode: text, name: text, created_at: int });

#[derive(Serialize)]
struct TerminalPage {
    merchant: Hex<16>,
    mode: &'static str,
    before: i64,
    id: Hex<16>,
    size: usize,
}

#[derive(Deserialize)]
struct TerminalRow {
    id: Hex<16>,
    merchant: Hex<16>,
    mode: String,
    name: String,
    created_at: i64,
}

impl TerminalRow {
    fn terminal(self) -> Result<Terminal, StoreError> {
        Ok(Terminal {
            id: TerminalId::from_bytes(self.id.0),
            merchant: MerchantId::from_bytes(self.merchant.0),
            mode: mode(&self.mode)?,
            name: self.name,
            created_at: Timestamp::from_unix_millis(self.created_at),
        })
    }
}

impl Store {
    /// Takes on a merchant, with its account and its first API key.
    pub async fn create_merchant(
        &self,
        merchant: &Merchant,
        account: AccountId,
        key: &NewApiKey,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let new = MerchantWithKey { merchant: merchant.clone(), account, key: key.clone() };
        write_merchants(&mut transaction, &[new]).await?;
        transaction.commit().await
    }

    /// A merchant.
    pub async fn merchant(&self, id: MerchantId) -> Result<Option<Merchant>, StoreError> {
        let rows: Vec<MerchantRow> =
            self.read(&MERCHANT, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(MerchantRow::merchant).transpose()
    }

    /// Changes what a merchant pays for what is captured from now on.
    pub async fn set_merchant_fee(&self, id: MerchantId, fee: FeeRule) -> Result<(), StoreError> {
        let row = FeeRow {
            id: Hex(*id.as_bytes()),
            fee_basis_points: fee.basis_points(),
            fee_fixed: fee.fixed_minor(),
        };
        let mut transaction = self.begin().await?;
        transaction.write(&SET_FEE, &[row]).await?;
        transaction.commit().await
    }

    /// Lets a merchant take no payments any more.
    pub async fn close_merchant(&self, id: MerchantId) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        transaction.write(&CLOSE, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        transaction.commit().await
    }

    /// Merchants, newest first, older than `before`.
    pub async fn merchants(
        &self,
        before: Option<MerchantId>,
        size: usize,
    ) -> Result<Vec<Merchant>, StoreError> {
        let before = Hex(before.map_or([0xff; 16], |id| *id.as_bytes()));
        let rows: Vec<MerchantRow> = self.read(&MERCHANTS, &[Page { before, size }]).await?;
        rows.into_iter().map(MerchantRow::merchant).collect()
    }

    /// Registers a till.
    pub async fn create_terminal(&self, terminal: &Terminal) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let row = NewTerminalRow {
            id: Hex(*terminal.id.as_bytes()),
            merchant: Hex(*terminal.merchant.as_bytes()),
            mode: terminal.mode.as_str(),
            name: &terminal.name,
            created_at: terminal.created_at.unix_millis(),
        };
        transaction.write(&NEW_TERMINAL, &[row]).await?;
        transaction.commit().await
    }

    /// The till with this id.
    pub async fn terminal(&self, id: TerminalId) -> Result<Option<Terminal>, StoreError> {
        #[derive(Serialize)]
        struct Id {
            id: Hex<16>,
        }
        let rows: Vec<TerminalRow> =
            self.read(&TERMINAL, &[Id { id: Hex(*id.as_bytes()) }]).await?;
        rows.into_iter().next().map(TerminalRow::terminal).transpose()
    }

    /// A merchant's tills, newest first, before the one registered at this time with this id.
    pub async fn terminals(
        &self,
        merchant: MerchantId,
        mode: Mode,
        before: Option<(Timestamp, TerminalId)>,
        size: usize,
    ) -> Result<Vec<Terminal>, StoreError> {
        let input = TerminalPage {
            merchant: Hex(*merchant.as_bytes()),
            mode: mode.as_str(),
            before: before.map_or(i64::MAX, |before| before.0.unix_millis()),
            id: Hex(before.map_or([0; 16], |before| *before.1.as_bytes())),
            size,
        };
        let rows: Vec<TerminalRow> = self.read(&TERMINALS, &[input]).await?;
        rows.into_iter().map(TerminalRow::terminal).collect()
    }
}

/// Writes merchants with their accounts and first API keys, each kind of row in one statement.
pub(super) async fn write_merchants(
    transaction: &mut Transaction,
    new: &[MerchantWithKey],
) -> Result<(), StoreError> {
    let Some(first) = new.first() else { return Ok(()) };
    let accounts: Vec<NewAccount> = new
        .iter()
        .map(|new| NewAccount {
            id: new.account,
            mode: new.merchant.mode,
            kind: AccountKind::Merchant,
            currency: new.merchant.currency,
            owner: Some(*new.merchant.id.as_bytes()),
        })
        .collect();
    accounts::open(transaction, &accounts, first.merchant.created_at).await?;
    let rows: Vec<_> = new.iter().map(NewMerchantRow::new).collect();
    transaction.write(&NEW_MERCHANT, &rows).await?;
    let keys: Vec<_> = new.iter().map(|new| &new.key).collect();
    write_api_keys(transaction, &keys).await
}

/// A mode as the database has it.
pub(super) fn mode(name: &str) -> Result<Mode, StoreError> {
    Mode::from_name(name).ok_or(StoreError::Corrupt("mode"))
}

/// Every statement of this file, for the test that prepares them on both databases.
#[cfg(test)]
pub(super) const STATEMENTS: &[(&str, &Sql)] = &[
    ("merchants::NEW_MERCHANT", &NEW_MERCHANT),
    ("merchants::MERCHANTS", &MERCHANTS),
    ("merchants::MERCHANT", &MERCHANT),
    ("merchants::SET_FEE", &SET_FEE),
    ("merchants::CLOSE", &CLOSE),
    ("merchants::NEW_TERMINAL", &NEW_TERMINAL),
    ("merchants::TERMINAL", &TERMINAL),
    ("merchants::TERMINALS", &TERMINALS),
];
