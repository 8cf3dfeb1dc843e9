//! Input from nothing: any JSON, any text, by proptest's strategies.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Number, Value};

/// What a strategy makes of this randomness.
fn of<S: Strategy>(random: &mut StdRng, strategy: &S) -> Option<S::Value> {
    let seed: [u8; 32] = random.random();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    strategy
        .new_tree(&mut runner)
        .ok()
        .map(|tree| tree.current())
}

/// Any text.
pub(crate) fn text(random: &mut StdRng) -> String {
    let strategy = prop_oneof![
        any::<String>(),
        "[ -~]{0,40}",
        "\\PC{0,40}",
        "[.*>= \\t\\n=0-9A-F]{0,12}",
    ];
    of(random, &strategy).unwrap_or_default()
}

/// Any JSON.
pub(crate) fn json(random: &mut StdRng) -> Value {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(|f| Number::from_f64(f).map_or(Value::Null, Value::Number)),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,20}".prop_map(Value::from),
    ];
    let strategy = leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-z_]{1,12}", inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    });
    of(random, &strategy).unwrap_or_default()
}
