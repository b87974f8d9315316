//! Asking the control plane whether a task that was fenced is still this
//! agent's: another member took its place, perhaps another agent's.

use std::sync::Arc;

use tokio::sync::watch;

/// Asks whether assignments still hold. Clones ask the same stream.
#[derive(Debug, Clone)]
pub struct Confirmations {
    asked: Arc<watch::Sender<u64>>,
    answered: watch::Receiver<u64>,
}

/// Where the stream takes questions from and puts answers.
#[derive(Debug)]
pub struct ConfirmationDesk {
    asked: watch::Receiver<u64>,
    answered: watch::Sender<u64>,
}

/// Both ends.
pub fn confirmations() -> (Confirmations, ConfirmationDesk) {
    let (asked, questions) = watch::channel(0);
    let (answers, answered) = watch::channel(0);
    let asked = Arc::new(asked);
    (Confirmations { asked, answered }, ConfirmationDesk { asked: questions, answered: answers })
}

impl Confirmations {
    /// Asks, and returns when a list of assignments that was asked for after
    /// this call has been applied: whatever it took away has been told to stop
    /// by then. Waits for ever while there is no stream.
    pub async fn confirm(&self) {
        let question = self.ask();
        let mut answered = self.answered.clone();
        if answered.wait_for(|answered| *answered >= question).await.is_err() {
            // The stream's end of it is gone: the agent ends.
            std::future::pending::<()>().await;
        }
    }

    /// Asks, and returns the number of the question.
    pub(crate) fn ask(&self) -> u64 {
        let mut question = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            question = *asked;
        });
        question
    }
}

impl ConfirmationDesk {
    /// Number of the last question; 0 without one.
    pub fn asked(&mut self) -> u64 {
        *self.asked.borrow_and_update()
    }

    /// Number of the last question that was answered.
    pub fn answered(&self) -> u64 {
        *self.answered.borrow()
    }

    /// Waits for the next question; for ever when nobody can ask any more.
    pub async fn question(&mut self) {
        if self.asked.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// A list that answers the questions up to this one has been applied.
    pub fn answer(&self, question: u64) {
        self.answered.send_if_modified(|answered| {
            let news = question > *answered;
            *answered = question.max(*answered);
            news
        });
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn only_an_answer_to_a_later_question_confirms() {
        let (confirmations, mut desk) = confirmations();
        desk.answer(1);
        let mut first = Box::pin(confirmations.confirm());
        assert!(first.as_mut().now_or_never().is_some(), "question 1 was answered");

        let mut second = Box::pin(confirmations.confirm());
        assert!(second.as_mut().now_or_never().is_none());
        desk.question().await;
        assert_eq!((desk.asked(), desk.answered()), (2, 1));
        desk.answer(2);
        second.await;
    }
}
