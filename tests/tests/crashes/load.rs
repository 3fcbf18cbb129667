//! Payers who pay as fast as they can until the server is gone, and remember what they were told.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use wallet_server::store::Store;
use wallet_tests::{Answer, Charge, Phone, Till, World};

const NAMES: [&str; 8] = ["Wei", "Lin", "Mei", "Bo", "Jun", "Hua", "Tao", "Yan"];
/// As many codes as a phone has for one step.
const CODES_MAX: u32 = 250;
/// When a test gives up on an answer.
const DEADLINE: Duration = Duration::from_mins(1);

/// The people, and what the server has acknowledged.
pub(crate) struct Load {
    till: Till,
    phones: BTreeMap<&'static str, Phone>,
    acknowledged: Vec<(Charge, Answer)>,
    round: u32,
}

/// What one payer has to say after a round.
struct Said {
    name: &'static str,
    phone: Phone,
    acknowledged: Vec<(Charge, Answer)>,
    /// The charge that got no answer.
    unanswered: Option<Charge>,
}

impl Load {
    /// Takes on a merchant and payers.
    pub(crate) async fn begin(world: &World) -> Self {
        let till = world.merchant("Tea House").await;
        let mut phones = BTreeMap::new();
        for name in NAMES {
            phones.insert(name, world.payer(name, "100000.00").await);
        }
        Self { till, phones, acknowledged: Vec::new(), round: 0 }
    }

    /// How many payments were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// Everybody pays, until `end` has seen enough acknowledgements and ended the server. `seen`
    /// hears of each acknowledgement at once.
    ///
    /// Returns the charges that got no answer.
    pub(crate) async fn until_the_end(
        &mut self,
        world: &mut World,
        enough: u32,
        seen: impl Fn(&Charge) + Clone + Send + 'static,
        end: impl FnOnce(&mut World),
    ) -> Vec<Charge> {
        self.round += 1;
        self.till = self.till.at(world);
        let (acknowledge, mut acknowledgements) = mpsc::unbounded_channel();
        let mut payers = JoinSet::new();
        for (name, mut phone) in std::mem::take(&mut self.phones) {
            phone.next_step();
            let charges: Vec<Charge> = (0..CODES_MAX)
                .map(|number| {
                    let reference = format!("{name}-{}-{number}", self.round);
                    Charge::new(&reference, &phone.code(world, "100.00"), "1.00")
                })
                .collect();
            let (till, acknowledge, seen) = (self.till.clone(), acknowledge.clone(), seen.clone());
            payers.spawn(async move {
                let mut said = Said { name, phone, acknowledged: Vec::new(), unanswered: None };
                for charge in charges {
                    match till.try_charge(&charge).await {
                        Some(answer) if answer.status.is_success() => {
                            seen(&charge);
                            said.acknowledged.push((charge, answer));
                            acknowledge.send(()).ok();
                        }
                        // An error is no acknowledgement either: the server may be ending.
                        Some(_) | None => {
                            said.unanswered = Some(charge);
                            break;
                        }
                    }
                }
                said
            });
        }
        drop(acknowledge);
        for _ in 0..enough {
            if acknowledgements.recv().await.is_none() {
                break;
            }
        }
        end(world);
        let mut unanswered = Vec::new();
        for said in payers.join_all().await {
            self.phones.insert(said.name, said.phone);
            self.acknowledged.extend(said.acknowledged);
            unanswered.extend(said.unanswered);
        }
        unanswered
    }

    /// Repeats what got no answer until it has one, as tills do: it is paid then, once.
    pub(crate) async fn insist(&mut self, world: &World, unanswered: Vec<Charge>) {
        self.till = self.till.at(world);
        for charge in unanswered {
            let answered = async {
                loop {
                    match self.till.try_charge(&charge).await {
                        Some(answer) if !answer.status.is_server_error() => return answer,
                        Some(_) | None => {}
                    }
                }
            };
            let answer = tokio::time::timeout(DEADLINE, answered).await.expect("no answer");
            self.acknowledged.push((charge, answer.created()));
        }
    }

    /// Everything that was ever acknowledged is answered with the same again, and was paid once.
    pub(crate) async fn assert_kept(&self, world: &World) {
        let till = self.till.at(world);
        for (charge, answer) in &self.acknowledged {
            let again = till.charge(charge).await;
            assert!(again.replayed, "acknowledged and lost: {}", answer.text);
            assert_eq!(again.text, answer.text);
        }
        let paid = self.acknowledged.len();
        assert_eq!(till.balance().await, format!("{paid}.00"));
        assert_eq!(world.standing().await.payments, i64::try_from(paid).unwrap());
    }
}

/// Checks every invariant of books that no server has open.
pub(crate) async fn assert_books(url: &str) {
    let store = Store::open(url).await.unwrap();
    let findings = store.check_books(|_| ()).await.unwrap();
    store.close().await;
    let wrong: Vec<_> = findings.iter().filter(|finding| !finding.is_ok()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}
