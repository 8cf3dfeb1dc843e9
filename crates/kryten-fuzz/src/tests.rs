//! What was found once holds from now on.

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::{finding, targets};

#[test]
fn a_thousand_cases_of_each_target_hold() {
    for target in targets::all() {
        for seed in 0..1_000 {
            let input = (target.make)(&mut StdRng::seed_from_u64(seed));
            let problem = finding::problem(&target, &input);
            let shown = String::from_utf8_lossy(&input);
            assert_eq!(problem, None, "{}, seed {seed}: {shown}", target.name);
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_input() {
    for target in targets::all() {
        let make = || (target.make)(&mut StdRng::seed_from_u64(7));
        assert_eq!(make(), make(), "{}", target.name);
    }
}
