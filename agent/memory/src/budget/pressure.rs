//! Which open objects are to be closed before their time.
//!
//! Closing frees nothing, delivery does: so no more is named than would do once
//! what is under way is delivered, and the largest objects first, so that few
//! small ones come of it. What hangs on its way to a store counts as under way,
//! too; that holds up only its own connector, since each connector's own
//! objects are named by what is its own.

use std::cmp::Reverse;

use super::{Budget, ConnectorId, Partition, PartitionId, admission};

impl Budget {
    /// Names what is to be closed for those who were refused, and for the
    /// budget as a whole once it is nearly used up.
    pub(super) fn name_what_should_close(&mut self) {
        let refused: Vec<ConnectorId> = self
            .connectors
            .iter()
            .filter(|(_, connector)| connector.line.len() > 0)
            .map(|(id, _)| *id)
            .collect();
        for connector in refused {
            self.name_for_refused(connector);
        }
        let all = self.held;
        let above = admission::above_high_water(self.total, all.fixed, all.variable());
        let missing = above.saturating_sub(all.under_way());
        self.name_largest(missing.min(all.unnamed()), |_| true);
    }

    /// The connector's own objects first; others' only where its own are not
    /// enough and theirs can be.
    fn name_for_refused(&mut self, id: ConnectorId) {
        let (all, connector) = (self.held, self.connector(id));
        let (held, wanted) = (connector.held, connector.line.wanted());
        let own = admission::own_shortfall(self.total, all.used(), held.used(), wanted);
        let missing = own.saturating_sub(held.under_way());
        self.name_largest(missing.min(held.unnamed()), |partition| partition.connector == id);

        let given_back = own.min(held.variable());
        if own == given_back {
            return;
        }
        let others = admission::others_shortfall(
            self.total,
            all.used() - given_back,
            held.used() - given_back,
            wanted,
        );
        if others <= all.variable() - held.variable() {
            let under_way = all.under_way() - held.under_way();
            let missing = others.saturating_sub(under_way);
            let unnamed = all.unnamed() - held.unnamed();
            self.name_largest(missing.min(unnamed), |partition| partition.connector != id);
        }
    }

    /// Names the largest open objects of these partitions until they come to
    /// `missing` bytes.
    fn name_largest(&mut self, missing: u64, of: impl Fn(&Partition) -> bool) {
        if missing == 0 {
            return;
        }
        let mut candidates: Vec<(Reverse<u64>, PartitionId)> = self
            .partitions
            .iter()
            .filter(|(_, partition)| partition.open > 0 && !partition.closing && of(partition))
            .map(|(id, partition)| (Reverse(partition.open), *id))
            .collect();
        candidates.sort_unstable();
        let mut named = 0;
        for (Reverse(open), id) in candidates {
            if named >= missing {
                break;
            }
            named += open;
            let partition = self.partition_mut(id);
            partition.closing = true;
            let connector = partition.connector;
            self.account(connector, |held| held.closing += open);
            self.calls.push(id);
        }
    }
}
