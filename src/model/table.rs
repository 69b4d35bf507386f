//! What a collection gave: typed columns with their nulls.

use super::time::Timestamp;
use super::value::{Value, ValueType};
use std::sync::Arc;

/// A collected table. Columns are typed, so that an expression can later run down a whole one.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Table {
    columns: Vec<Column>,
    rows: usize,
    /// What its source said besides, for people: shown where the rows cannot be judged.
    said: Option<Arc<str>>,
}

/// A named column. Its name is the one an expression uses (see [`identifier`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub name: Arc<str>,
    pub cells: Cells,
    /// `true` where the cell is null; `None` where no cell is.
    pub nulls: Option<Vec<bool>>,
}

/// The cells of a column; a null holds an arbitrary value of the type at its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    Number(Vec<f64>),
    Text(Vec<Arc<str>>),
    Bool(Vec<bool>),
    Time(Vec<Timestamp>),
    /// Every cell is null: nothing says what the type would have been.
    AllNull,
}

impl Cells {
    /// The type, or `None` where every cell is null.
    #[must_use]
    pub const fn value_type(&self) -> Option<ValueType> {
        match self {
            Cells::Number(_) => Some(ValueType::Number),
            Cells::Text(_) => Some(ValueType::Text),
            Cells::Bool(_) => Some(ValueType::Bool),
            Cells::Time(_) => Some(ValueType::Time),
            Cells::AllNull => None,
        }
    }
}

impl Column {
    /// The cell of `row`.
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn value(&self, row: usize) -> Value {
        if self.is_null(row) {
            return Value::Null;
        }
        match &self.cells {
            Cells::Number(v) => Value::Number(v[row]),
            Cells::Text(v) => Value::Text(Arc::clone(&v[row])),
            Cells::Bool(v) => Value::Bool(v[row]),
            Cells::Time(v) => Value::Time(v[row]),
            Cells::AllNull => Value::Null,
        }
    }

    #[must_use]
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.cells, Cells::AllNull) || self.nulls.as_ref().is_some_and(|n| n[row])
    }
}

impl Table {
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The place of a column, by its name in expressions.
    #[must_use]
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| &*c.name == name)
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The same with what its source said besides: no data, but words for whoever looks for what is missing.
    #[must_use]
    pub fn with_said(self, said: &str) -> Table {
        let said = said.trim();
        Table { said: (!said.is_empty()).then(|| Arc::from(said)), ..self }
    }

    /// What its source said besides.
    #[must_use]
    pub fn said(&self) -> Option<&str> {
        self.said.as_deref()
    }

    /// The same with other texts: what `change` gives for a text stands in its place.
    #[must_use]
    pub fn map_texts(mut self, change: impl Fn(&str) -> Option<String>) -> Table {
        for column in &mut self.columns {
            if let Cells::Text(texts) = &mut column.cells {
                for text in texts {
                    if let Some(changed) = change(text) {
                        *text = Arc::from(changed);
                    }
                }
            }
        }
        self
    }
}

/// A column's name as an expression writes it: other characters than letters, digits and `_` become `_`,
/// and one that begins with a digit gets a `_` before it.
#[must_use]
pub fn identifier(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
    out
}

/// Builds a table row by row. A column takes the type of its first value that is not null.
#[derive(Debug)]
pub struct TableBuilder {
    columns: Vec<Column>,
    rows: usize,
}

impl TableBuilder {
    /// A table with these columns; names are made identifiers here.
    ///
    /// # Errors
    /// Where two columns have one name.
    pub fn new<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Result<Self, String> {
        let mut columns: Vec<Column> = Vec::new();
        for name in names {
            let name = identifier(name.as_ref());
            if columns.iter().any(|c| *c.name == name) {
                return Err(format!("two columns are named `{name}`: rename one, `AS other_name`"));
            }
            columns.push(Column { name: Arc::from(name), cells: Cells::AllNull, nulls: None });
        }
        Ok(TableBuilder { columns, rows: 0 })
    }

    /// Appends a row.
    ///
    /// # Errors
    /// Where a value's type is not its column's, or the row has not one value a column.
    pub fn push(&mut self, row: impl IntoIterator<Item = Value>) -> Result<(), String> {
        let mut filled = 0;
        for value in row {
            let Some(column) = self.columns.get_mut(filled) else {
                return Err(format!("a row has more than its {} values", self.columns.len()));
            };
            push_cell(column, self.rows, value)?;
            filled += 1;
        }
        if filled != self.columns.len() {
            return Err(format!("a row has {filled} values for {} columns", self.columns.len()));
        }
        self.rows += 1;
        Ok(())
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    #[must_use]
    pub fn finish(self) -> Table {
        Table { columns: self.columns, rows: self.rows, said: None }
    }
}

fn push_cell(column: &mut Column, row: usize, value: Value) -> Result<(), String> {
    if let (Cells::AllNull, Some(value_type)) = (&column.cells, value.value_type()) {
        column.cells = filler(value_type, row);
        column.nulls = (row > 0).then(|| vec![true; row]);
    }
    let null = matches!(value, Value::Null);
    match (&mut column.cells, value) {
        (Cells::Number(v), Value::Number(n)) => v.push(n),
        (Cells::Text(v), Value::Text(t)) => v.push(t),
        (Cells::Bool(v), Value::Bool(b)) => v.push(b),
        (Cells::Time(v), Value::Time(t)) => v.push(t),
        (Cells::AllNull, Value::Null) => return Ok(()),
        (Cells::Number(v), Value::Null) => v.push(0.0),
        (Cells::Text(v), Value::Null) => v.push(Arc::from("")),
        (Cells::Bool(v), Value::Null) => v.push(false),
        (Cells::Time(v), Value::Null) => v.push(Timestamp::default()),
        (cells, value) => return Err(mistyped(&column.name, cells, &value)),
    }
    match &mut column.nulls {
        Some(nulls) => nulls.push(null),
        None if null => {
            let mut nulls = vec![false; row];
            nulls.push(true);
            column.nulls = Some(nulls);
        }
        None => {}
    }
    Ok(())
}

fn mistyped(name: &str, cells: &Cells, value: &Value) -> String {
    let have = cells.value_type().map_or("null", ValueType::name);
    let got = value.value_type().map_or("null", ValueType::name);
    format!("column `{name}` holds both {have} and {got}: cast it to one type in the query")
}

/// `rows` cells that stand for nulls.
fn filler(value_type: ValueType, rows: usize) -> Cells {
    match value_type {
        ValueType::Number => Cells::Number(vec![0.0; rows]),
        ValueType::Text => Cells::Text(vec![Arc::from(""); rows]),
        ValueType::Bool => Cells::Bool(vec![false; rows]),
        ValueType::Time => Cells::Time(vec![Timestamp::default(); rows]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_keeps_its_nulls_wherever_they_stand() {
        let rows = [Value::Null, Value::Number(2.0), Value::Null];
        let mut b = TableBuilder::new(["a-b"]).unwrap();
        for v in &rows {
            b.push([v.clone()]).unwrap();
        }
        let t = b.finish();
        let got: Vec<Value> = (0..3).map(|r| t.columns()[0].value(r)).collect();
        assert_eq!((got.as_slice(), &*t.columns()[0].name), (rows.as_slice(), "a_b"));
    }

    #[test]
    fn a_column_of_two_types_is_an_error() {
        let mut b = TableBuilder::new(["x"]).unwrap();
        b.push([Value::Number(1.0)]).unwrap();
        let error = b.push([Value::text("1")]).unwrap_err();
        assert!(error.contains("holds both number and text"), "{error}");
        assert!(TableBuilder::new(["a b", "a_b"]).is_err());
    }
}
