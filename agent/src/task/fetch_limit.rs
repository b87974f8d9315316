//! How large an answer to a fetch may be. Pure.
//!
//! Brokers send the first batch of an answer whole, however little was asked for
//! (KIP-74). librdkafka (2.12.1, `rd_kafka_recv`) ends the connection where an answer is
//! larger than `receive.message.max.bytes`, before it has read any of it, connects and
//! asks again. What is read is held in memory until its records are taken.

/// What is taken whatever the budget is: librdkafka's own default.
const LEAST: u64 = 100_000_000;

/// The largest record that a connector can allow.
const MOST: u64 = 512 << 20;

/// What an answer has beside a record.
const FRAME: u64 = 1 << 20;

/// An answer, and a copy of its record beside it, fit into the budget.
const OF_BUDGET: u64 = 2;

/// How large an answer to a fetch may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FetchLimit {
    /// What the connector allows.
    allowed: u64,
    /// The agent's memory budget.
    budget: u64,
}

impl FetchLimit {
    /// For a connector that allows records of so many bytes, on an agent with this budget.
    pub(crate) fn new(max_record_bytes: Option<u64>, budget: u64) -> Self {
        Self { allowed: max_record_bytes.unwrap_or(MOST).min(MOST) + FRAME, budget }
    }

    /// In bytes.
    pub(crate) fn bytes(self) -> u64 {
        LEAST.max(self.allowed.min(self.budget / OF_BUDGET))
    }

    /// What has to be raised for an answer of so many bytes to be taken.
    pub(crate) fn to_take(self, answer: u64) -> String {
        if answer > MOST + FRAME {
            return "no setting allows that much".to_owned();
        }
        let record = (self.allowed < answer).then(|| format!("max_record_bytes of {answer}"));
        let budget = answer * OF_BUDGET;
        let budget = (self.budget < budget)
            .then(|| format!("--memory-budget-bytes of {budget} at its agents"));
        let needed: Vec<String> = record.into_iter().chain(budget).collect();
        format!("it takes {}, or more", needed.join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn what_is_allowed_is_taken_as_far_as_the_budget_goes() {
        let cases = [
            ("all is allowed", None, 4 << 30, MOST + FRAME),
            ("a small budget", None, 64 * MIB, LEAST),
            ("half of a larger one", None, 256 * MIB, 128 * MIB),
            ("small records only", Some(1), 4 << 30, LEAST),
            ("large ones", Some(300 * MIB), 4 << 30, 301 * MIB),
            ("large ones, by half of the budget", Some(300 * MIB), 512 * MIB, 256 * MIB),
        ];
        for (case, allowed, budget, bytes) in cases {
            assert_eq!(FetchLimit::new(allowed, budget).bytes(), bytes, "{case}");
        }
    }

    #[test]
    fn librdkafka_takes_any_limit() {
        let largest = FetchLimit::new(Some(u64::MAX), u64::MAX);
        assert!(i32::try_from(largest.bytes()).is_ok());
    }

    #[test]
    fn what_has_to_be_raised_is_named_and_is_enough() {
        let answer = 200 * MIB;
        let (record, budget) =
            ("max_record_bytes of 209715200", "--memory-budget-bytes of 419430400");
        for (allowed, of_budget, needed, not) in [
            (Some(MIB), 4 << 30, vec![record], vec![budget]),
            (None, 64 * MIB, vec![budget], vec![record]),
            (Some(MIB), 64 * MIB, vec![record, budget], vec![]),
        ] {
            let said = FetchLimit::new(allowed, of_budget).to_take(answer);
            assert!(needed.iter().all(|needed| said.contains(needed)), "{said}");
            assert!(!not.iter().any(|not| said.contains(not)), "{said}");
        }
        assert!(FetchLimit::new(Some(answer), 2 * answer).bytes() >= answer);
        assert!(FetchLimit::new(None, 4 << 30).to_take(600 * MIB).contains("no setting"));
    }
}
