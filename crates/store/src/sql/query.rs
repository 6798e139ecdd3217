//! Questions to the database: conditions with their values, and rows of a known shape as answers.

use omniva_contracts::engine::*;
use omniva_ledger::Frontier;
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Statement, Value};
use uuid::Uuid;

use super::field::{Field, Scalar, misread};
use super::tables::Stored;
use crate::{Listed, Page};

/// Conditions of a WHERE. Values are numbered: `$1` is understood by PostgreSQL and by SQLite.
#[derive(Default)]
pub(crate) struct Where {
    conditions: Vec<String>,
    pub values: Vec<Value>,
}

impl Where {
    pub fn new() -> Self {
        Self::default()
    }

    fn arg(&mut self, value: Value) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }

    /// A condition without values.
    pub fn plain(mut self, condition: impl Into<String>) -> Self {
        self.conditions.push(condition.into());
        self
    }

    /// `condition` with `{}` where the value stands.
    pub fn with(mut self, condition: &str, value: Value) -> Self {
        let place = self.arg(value);
        self.conditions.push(condition.replace("{}", &place));
        self
    }

    pub fn is<T: Scalar>(self, column: &str, value: &T) -> Self {
        self.with(&format!("t.\"{column}\" = {{}}"), T::value(Some(value)))
    }

    /// Nothing when nothing is asked.
    pub fn maybe<T: Scalar>(self, column: &str, asked: Option<&T>) -> Self {
        self.compared(column, "=", asked)
    }

    pub fn compared<T: Scalar>(self, column: &str, sign: &str, asked: Option<&T>) -> Self {
        match asked {
            Some(value) => self.with(&format!("t.\"{column}\" {sign} {{}}"), T::value(Some(value))),
            None => self,
        }
    }

    /// Any of these; everything when there are none.
    pub fn any<T: Scalar>(mut self, column: &str, asked: &[T]) -> Self {
        if asked.is_empty() {
            return self;
        }
        let places: Vec<String> = asked.iter().map(|value| self.arg(T::value(Some(value)))).collect();
        self.plain(format!("t.\"{column}\" IN ({})", places.join(", ")))
    }

    pub fn entity(self, name: &str, asked: Option<&EntityRef>) -> Self {
        let Some(entity) = asked else { return self };
        self.with(&format!("t.\"{name}_type\" = {{}}"), Value::String(Some(entity.entity_type.as_str().to_owned())))
            .is(&format!("{name}_id"), &entity.entity_id)
    }

    pub fn text(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!(" WHERE {}", self.conditions.join(" AND ")) }
    }
}

pub(crate) fn clamp(n: u64) -> Value {
    Value::BigInt(Some(i64::try_from(n).unwrap_or(i64::MAX)))
}

pub(crate) async fn all(
    db: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    db.query_all_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await
}

pub(crate) async fn one(
    db: &impl ConnectionTrait,
    sql: impl Into<String>,
    values: Vec<Value>,
) -> Result<Option<QueryResult>, DbErr> {
    db.query_one_raw(Statement::from_sql_and_values(db.get_database_backend(), sql, values)).await
}

pub(crate) async fn count(db: &impl ConnectionTrait, table: &str, of: &Where) -> Result<u64, DbErr> {
    let sql = format!("SELECT COUNT(*) FROM \"{table}\" t{}", of.text());
    let row = one(db, sql, of.values.clone()).await?.ok_or_else(|| misread("a count without an answer"))?;
    u64::try_from(row.try_get_by_index::<i64>(0)?).map_err(misread)
}

/// The text of a question for whole rows.
pub(crate) fn select<T: Stored>(of: &Where, order: &str) -> String {
    let shape = T::shape();
    let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {order}") };
    format!("SELECT {} FROM \"{}\" t{}{order}", shape.selected("t."), shape.table, of.text())
}

pub(crate) async fn find<T: Stored>(db: &impl ConnectionTrait, of: Where) -> Result<Option<T>, DbErr> {
    one(db, select::<T>(&of, ""), of.values).await?.as_ref().map(T::read).transpose()
}

pub(crate) async fn every<T: Stored>(db: &impl ConnectionTrait, of: Where, order: &str) -> Result<Vec<T>, DbErr> {
    all(db, select::<T>(&of, order), of.values).await?.iter().map(T::read).collect()
}

pub(crate) async fn first<T: Stored>(
    db: &impl ConnectionTrait,
    mut of: Where,
    order: &str,
    limit: u64,
) -> Result<Vec<T>, DbErr> {
    let limit = of.arg(clamp(limit));
    let sql = format!("{} LIMIT {limit}", select::<T>(&of, order));
    all(db, sql, of.values).await?.iter().map(T::read).collect()
}

/// One page and the number of all rows. `db` is a transaction, so that both are of one moment.
pub(crate) async fn listed<T: Stored>(
    db: &impl ConnectionTrait,
    mut of: Where,
    order: &str,
    page: Page,
) -> Result<Listed<T>, DbErr> {
    let total = count(db, T::shape().table, &of).await?;
    let (limit, offset) = (of.arg(clamp(page.limit)), of.arg(clamp(page.offset)));
    let sql = format!("{} LIMIT {limit} OFFSET {offset}", select::<T>(&of, order));
    let items = all(db, sql, of.values).await?.iter().map(T::read).collect::<Result<_, _>>()?;
    Ok(Listed { items, total })
}

pub(crate) fn peaks_of(frontier: &Frontier) -> Vec<u8> {
    frontier.peaks().concat()
}

/// Name and end of the ledger, as they were kept with its last packet.
pub(crate) async fn frontier_of(db: &impl ConnectionTrait) -> Result<(Uuid, Frontier), DbErr> {
    let row = one(db, r#"SELECT "origin", "size", "peaks" FROM "ledger_meta" WHERE "id" = 1"#, vec![]).await?;
    let row = row.ok_or_else(|| misread("the ledger has no name"))?;
    let mut cells = super::field::Cells::new(&row);
    let (origin, size, peaks): (Uuid, u64, Vec<u8>) = (cells.next()?, Field::take(&mut cells)?, cells.next()?);
    let (peaks, rest) = peaks.as_chunks::<32>();
    let frontier = Frontier::resume(size, peaks.to_vec()).filter(|_| rest.is_empty());
    Ok((origin, frontier.ok_or_else(|| misread("the kept end of the ledger does not fit its size"))?))
}
