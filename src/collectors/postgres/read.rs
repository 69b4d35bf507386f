//! Cells as Postgres sends them, in its binary format, and parameters as it reads them, in its text format.
//!
//! The formats: `src/backend/utils/adt/*.c`, the `_recv` and `_send` functions of each type.

use super::super::{Request, convert};
use crate::model::{Timestamp, Value, ValueType};
use std::error::Error;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, FromSql, IsNull, Kind, ToSql, Type, to_sql_checked};

/// Microseconds from 1970-01-01 to 2000-01-01, where Postgres counts from.
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// How a column's cells are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Jsonb,
    Uuid,
    /// Also of the type without a zone, which is taken as UTC.
    Timestamp,
    Date,
}

/// A cell's bytes, whatever its type.
struct Raw<'a>(&'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Raw(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl Reader {
    pub(super) fn of(column: &Type) -> Option<Reader> {
        Some(match *column {
            Type::BOOL => Reader::Bool,
            Type::INT2 => Reader::Int2,
            Type::INT4 => Reader::Int4,
            Type::INT8 => Reader::Int8,
            Type::OID => Reader::Oid,
            Type::FLOAT4 => Reader::Float4,
            Type::FLOAT8 => Reader::Float8,
            Type::NUMERIC => Reader::Numeric,
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::JSON | Type::UNKNOWN => Reader::Text,
            Type::JSONB => Reader::Jsonb,
            Type::UUID => Reader::Uuid,
            Type::TIMESTAMPTZ | Type::TIMESTAMP => Reader::Timestamp,
            Type::DATE => Reader::Date,
            _ => match column.kind() {
                Kind::Enum(_) => Reader::Text,
                Kind::Domain(inner) => return Reader::of(inner),
                _ if column.name() == "citext" => Reader::Text,
                _ => return None,
            },
        })
    }

    pub(super) fn value_type(self, declared: Option<ValueType>) -> ValueType {
        match self {
            Reader::Bool => ValueType::Bool,
            Reader::Text | Reader::Jsonb | Reader::Uuid => ValueType::Text,
            Reader::Timestamp | Reader::Date => ValueType::Time,
            Reader::Int2 | Reader::Int4 | Reader::Int8 | Reader::Oid | Reader::Numeric
                if declared == Some(ValueType::Text) =>
            {
                ValueType::Text
            }
            _ => ValueType::Number,
        }
    }

    pub(super) fn read(
        self,
        row: &tokio_postgres::Row,
        column: usize,
        declared: Option<ValueType>,
    ) -> Result<Value, String> {
        let cell: Option<Raw<'_>> = row.try_get(column).map_err(|e| format!("cannot be read: {e}"))?;
        cell.map_or(Ok(Value::Null), |cell| self.cell(cell.0, declared))
    }

    fn cell(self, bytes: &[u8], declared: Option<ValueType>) -> Result<Value, String> {
        // Only an exact text is asked of a typed source: the rest of a declaration is the evaluator's to check.
        let exact = declared.filter(|t| *t == ValueType::Text);
        Ok(match self {
            Reader::Bool => Value::Bool(fixed::<1>(bytes)?[0] != 0),
            Reader::Int2 => convert::integer(i16::from_be_bytes(fixed(bytes)?).into(), exact)?,
            Reader::Int4 => convert::integer(i32::from_be_bytes(fixed(bytes)?).into(), exact)?,
            Reader::Int8 => convert::integer(i64::from_be_bytes(fixed(bytes)?), exact)?,
            Reader::Oid => convert::integer(u32::from_be_bytes(fixed(bytes)?).into(), exact)?,
            Reader::Float4 => Value::Number(f32::from_be_bytes(fixed(bytes)?).into()),
            Reader::Float8 => Value::Number(f64::from_be_bytes(fixed(bytes)?)),
            Reader::Numeric => {
                let digits = numeric(bytes)?;
                if exact.is_some() { Value::text(&digits) } else { Value::Number(digits.parse().map_err(|_| BROKEN)?) }
            }
            Reader::Text => Value::text(std::str::from_utf8(bytes).map_err(|_| "holds text that is not UTF-8")?),
            Reader::Jsonb => {
                let (version, json) = bytes.split_first().ok_or(BROKEN)?;
                let json = std::str::from_utf8(json).ok().filter(|_| *version == 1);
                Value::text(json.ok_or("holds a jsonb of a version that is not known: cast it to text")?)
            }
            Reader::Uuid => Value::text(&uuid(fixed(bytes)?)),
            Reader::Timestamp => Value::Time(timestamp(i64::from_be_bytes(fixed(bytes)?))),
            Reader::Date => Value::Time(date(i32::from_be_bytes(fixed(bytes)?))),
        })
    }
}

const BROKEN: &str = "holds bytes that are not of its type: cast it to text";

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], String> {
    bytes.try_into().map_err(|_| BROKEN.to_owned())
}

/// `infinity` and `-infinity` are the largest and the smallest integer: the ends of our time too.
fn timestamp(micros: i64) -> Timestamp {
    match micros {
        i64::MAX => Timestamp::MAX,
        i64::MIN => Timestamp::MIN,
        _ => Timestamp::from_micros(micros.saturating_add(EPOCH_MICROS)),
    }
}

fn date(days: i32) -> Timestamp {
    match days {
        i32::MAX => Timestamp::MAX,
        i32::MIN => Timestamp::MIN,
        _ => timestamp(i64::from(days) * 86_400_000_000),
    }
}

fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    text
}

/// A `numeric` as decimal text: a count of base-10000 digits, the weight of the first, sign, scale, the digits.
fn numeric(bytes: &[u8]) -> Result<String, String> {
    let words: Vec<u16> = bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]])).collect();
    let [_, weight, sign, scale, digits @ ..] = words.as_slice() else { return Err(BROKEN.to_owned()) };
    let (weight, scale) = (i32::from(weight.cast_signed()), usize::from(*scale));
    let mut text = match sign {
        0x0000 => String::new(),
        0x4000 => "-".to_owned(),
        0xC000 => return Ok("NaN".to_owned()),
        0xD000 => return Ok("inf".to_owned()),
        0xF000 => return Ok("-inf".to_owned()),
        _ => return Err(BROKEN.to_owned()),
    };
    let digit = |place: i32| usize::try_from(weight - place).ok().and_then(|i| digits.get(i)).copied().unwrap_or(0);
    text.push_str(&digit(weight.max(0)).to_string());
    for place in (0..weight.max(0)).rev() {
        text.push_str(&format!("{:04}", digit(place)));
    }
    let mut fraction = String::new();
    let mut place = -1;
    while fraction.len() < scale {
        fraction.push_str(&format!("{:04}", digit(place)));
        place -= 1;
    }
    fraction.truncate(scale);
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(&fraction);
    }
    Ok(text)
}

/// A parameter, sent as text, so that the server reads it as the type that its place needs.
#[derive(Debug)]
pub(super) struct Bound {
    name: String,
    value: Value,
}

impl Bound {
    /// `@now` or a param of the check.
    pub(super) fn find(name: &str, request: &Request) -> Option<Bound> {
        let param = request.params.iter().find(|(n, _)| **n == *name).map(|(_, value)| value.clone());
        let value = param.or_else(|| (name == "now").then_some(Value::Time(request.now)))?;
        Some(Bound { name: name.to_owned(), value })
    }

    /// The type to tell the server; `unknown` leaves it to the server, as for a literal in quotes.
    pub(super) fn wanted(&self) -> Type {
        match self.value {
            Value::Time(_) => Type::TIMESTAMPTZ,
            Value::Bool(_) => Type::BOOL,
            Value::Number(n) if n.fract() != 0.0 => Type::FLOAT8,
            Value::Null | Value::Text(_) | Value::Number(_) => Type::UNKNOWN,
        }
    }
}

impl ToSql for Bound {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let whole = matches!(*ty, Type::INT2 | Type::INT4 | Type::INT8);
        match &self.value {
            Value::Null => return Ok(IsNull::Yes),
            Value::Number(n) if whole && n.fract() != 0.0 => {
                return Err(format!(
                    "param `{0}` is {n}, and its place wants an integer: write `@{0}::float8`",
                    self.name
                )
                .into());
            }
            value => out.extend_from_slice(value.to_string().as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    #[test]
    fn numerics_are_read_digit_by_digit() {
        for (given, want) in [
            (vec![0, 0, 0, 0], "0"),
            (vec![1, 0, 0, 0, 608], "608"),
            (vec![2, 0, 0x4000, 2, 12, 5000], "-12.50"),
            (vec![2, 1, 0, 0, 12, 34], "120034"),
            (vec![1, 2, 0, 0, 1], "100000000"),
            (vec![1, 0xFFFF, 0, 3, 70], "0.007"),
            (vec![1, 0xFFFE, 0, 8, 5], "0.00000005"),
            (vec![0, 0, 0xC000, 0], "NaN"),
            (vec![0, 0, 0xD000, 0], "inf"),
            (vec![0, 0, 0xF000, 0], "-inf"),
        ] {
            assert_eq!(numeric(&words(&given)).as_deref(), Ok(want), "{given:?}");
        }
        assert!(numeric(&[0, 1]).is_err());
        assert_eq!(Reader::Numeric.cell(&words(&[0, 0, 0xD000, 0]), None), Ok(Value::Number(f64::INFINITY)));
        assert_eq!(Reader::Numeric.cell(&words(&[1, 0, 0, 0, 7]), Some(ValueType::Text)), Ok(Value::text("7")));
    }

    #[test]
    fn times_count_from_2000_and_may_be_infinite() {
        let micros = |n: i64| Reader::Timestamp.cell(&n.to_be_bytes(), None);
        assert_eq!(micros(0), Ok(Value::Time(Timestamp::parse("2000-01-01T00:00:00Z").unwrap())));
        assert_eq!(micros(i64::MAX), Ok(Value::Time(Timestamp::MAX)));
        let days = |n: i32| Reader::Date.cell(&n.to_be_bytes(), None);
        assert_eq!(days(-1), Ok(Value::Time(Timestamp::parse("1999-12-31T00:00:00Z").unwrap())));
        assert_eq!(days(i32::MIN), Ok(Value::Time(Timestamp::MIN)));
    }

    #[test]
    fn bytes_of_another_type_are_an_error() {
        for reader in [Reader::Bool, Reader::Int8, Reader::Float4, Reader::Numeric, Reader::Jsonb, Reader::Uuid] {
            assert!(reader.cell(&[], None).is_err(), "{reader:?}");
        }
        let large = ((1_i64 << 53) + 1).to_be_bytes();
        assert!(Reader::Int8.cell(&large, None).unwrap_err().contains("CAST"));
        assert_eq!(Reader::Int8.cell(&large, Some(ValueType::Text)), Ok(Value::text("9007199254740993")));
    }
}
