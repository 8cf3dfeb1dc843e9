//! What was checked, line by line.

/// Counts.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl Report {
    /// Takes the outcome of a check; its name is a sentence.
    pub(crate) fn take(&mut self, sentence: &str, outcome: anyhow::Result<()>) {
        match outcome {
            Ok(()) => {
                self.passed += 1;
                println!("ok    {sentence}");
            }
            Err(why) => {
                self.failed += 1;
                println!("FAIL  {sentence}: {why:#}");
            }
        }
    }
}
