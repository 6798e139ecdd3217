//! Writing to memory.

use async_trait::async_trait;
use omniva_contracts::engine::LogRow;

use super::Memory;
use crate::{Receipt, Refused, Sealed, StoreFault, Writer};

#[async_trait]
impl Writer for Memory {
    async fn write(&mut self, batch: &[Sealed]) -> Result<Vec<Result<Receipt, Refused>>, StoreFault> {
        let mut state = self.change()?;
        Ok(batch.iter().map(|sealed| state.apply(sealed.commit())).collect())
    }

    async fn write_logs(&mut self, rows: Vec<LogRow>) -> Result<(), StoreFault> {
        self.change()?.logs.extend(rows);
        Ok(())
    }
}
