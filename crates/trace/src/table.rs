//! Named, typed columns and their Parquet form: the one place that speaks to the Parquet library.
//!
//! Written files are deterministic: one row group, fixed settings, no time and no program version. Floats are
//! BYTE_STREAM_SPLIT, integers DELTA_BINARY_PACKED, text PLAIN, everything snappy, and every file is
//! [sealed](crate::seal). What the columns mean is the business of the callers.

use crate::error::{Result, TraceError};
use crate::seal::{check_seal, seal};
use parquet::basic::{Compression, ConvertedType, Encoding, LogicalType, Repetition, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnDescriptor, Type, TypePtr};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// The version of all our Parquet tables; raised when a reader of the old one would misread the new.
const VERSION: &str = "1";
const KEY_TABLE: &str = "seismograd.table";
const KEY_VERSION: &str = "seismograd.version";
/// Part of every file's bytes, and so bound to the format rather than to a release of this crate.
const CREATED_BY: &str = "seismograd version 1.0.0";

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Text(Vec<String>),
    MaybeI64(Vec<Option<i64>>),
    MaybeF32(Vec<Option<f32>>),
}

/// A type of value that a column can have.
pub(crate) trait Cell: Sized {
    /// The type's name in messages.
    const KIND: &'static str;
    fn into_values(values: Vec<Self>) -> Values;
    fn from_values(values: Values) -> Option<Vec<Self>>;
}

macro_rules! cell {
    ($cell:ty, $variant:ident, $kind:literal) => {
        impl Cell for $cell {
            const KIND: &'static str = $kind;
            fn into_values(values: Vec<Self>) -> Values {
                Values::$variant(values)
            }
            fn from_values(values: Values) -> Option<Vec<Self>> {
                if let Values::$variant(values) = values { Some(values) } else { None }
            }
        }
    };
}
cell!(i32, I32, "i32");
cell!(i64, I64, "i64");
cell!(f32, F32, "f32");
cell!(f64, F64, "f64");
cell!(String, Text, "text");
cell!(Option<i64>, MaybeI64, "nullable i64");
cell!(Option<f32>, MaybeF32, "nullable f32");

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::I32(v) => v.len(),
            Values::I64(v) => v.len(),
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
            Values::Text(v) => v.len(),
            Values::MaybeI64(v) => v.len(),
            Values::MaybeF32(v) => v.len(),
        }
    }

    fn physical(&self) -> (Physical, Repetition, Encoding) {
        match self {
            Values::I32(_) => (Physical::INT32, Repetition::REQUIRED, Encoding::DELTA_BINARY_PACKED),
            Values::I64(_) => (Physical::INT64, Repetition::REQUIRED, Encoding::DELTA_BINARY_PACKED),
            Values::F32(_) => (Physical::FLOAT, Repetition::REQUIRED, Encoding::BYTE_STREAM_SPLIT),
            Values::F64(_) => (Physical::DOUBLE, Repetition::REQUIRED, Encoding::BYTE_STREAM_SPLIT),
            Values::Text(_) => (Physical::BYTE_ARRAY, Repetition::REQUIRED, Encoding::PLAIN),
            Values::MaybeI64(_) => (Physical::INT64, Repetition::OPTIONAL, Encoding::DELTA_BINARY_PACKED),
            Values::MaybeF32(_) => (Physical::FLOAT, Repetition::OPTIONAL, Encoding::BYTE_STREAM_SPLIT),
        }
    }
}

/// A table on its way to or from a file.
#[derive(Debug)]
pub(crate) struct Table {
    /// What the table is: `trace`, `epochs`, `runs`.
    kind: &'static str,
    /// Further metadata of the caller.
    pub notes: Vec<(&'static str, String)>,
    columns: Vec<(String, Values)>,
}

impl Table {
    pub fn new(kind: &'static str) -> Table {
        Table { kind, notes: Vec::new(), columns: Vec::new() }
    }

    pub fn with<C: Cell>(mut self, name: impl Into<String>, values: Vec<C>) -> Table {
        self.columns.push((name.into(), C::into_values(values)));
        self
    }

    /// A column with one field of each row.
    pub fn with_each<R, C: Cell>(self, name: impl Into<String>, rows: &[R], field: impl Fn(&R) -> C) -> Table {
        self.with(name, rows.iter().map(field).collect())
    }

    /// The note of this key in a table that was read; empty when there is none.
    pub fn note(&self, key: &str) -> &str {
        self.notes.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value)
    }

    /// The next column, which must have this name and type.
    pub fn take<C: Cell>(&mut self, path: &Path, name: &str) -> Result<Vec<C>> {
        let wrong = |found: &str| {
            let expected = format!("expected column `{name}` of type {}", C::KIND);
            TraceError::file(path, format!("{expected}, found {found}; was it written by another program?"))
        };
        if self.columns.first().is_none_or(|(found, _)| found != name) {
            return Err(wrong(self.columns.first().map_or("no more columns", |(found, _)| found)));
        }
        let (_, values) = self.columns.remove(0);
        C::from_values(values).ok_or_else(|| wrong("another type"))
    }

    /// Takes the next column and hands its values to the rows, of which there are as many.
    pub fn fill<R, C: Cell>(
        &mut self,
        path: &Path,
        name: &str,
        rows: &mut [R],
        mut set: impl FnMut(&mut R, C),
    ) -> Result<()> {
        for (row, value) in rows.iter_mut().zip(self.take(path, name)?) {
            set(row, value);
        }
        Ok(())
    }

    /// The names of the columns that are left.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, values)| values.len())
    }

    fn schema(&self) -> Result<TypePtr, ParquetError> {
        let field = |(name, values): &(String, Values)| {
            let (physical, repetition, _) = values.physical();
            let text = matches!(values, Values::Text(_));
            let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition);
            let builder = builder.with_logical_type(text.then_some(LogicalType::String));
            let converted = if text { ConvertedType::UTF8 } else { ConvertedType::NONE };
            builder.with_converted_type(converted).build().map(Arc::new)
        };
        let fields = self.columns.iter().map(field).collect::<Result<_, _>>()?;
        Type::group_type_builder("schema").with_fields(fields).build().map(Arc::new)
    }

    fn properties(&self) -> WriterProperties {
        let own = [(KEY_TABLE, self.kind.to_owned()), (KEY_VERSION, VERSION.to_owned())];
        let notes = own.into_iter().chain(self.notes.clone());
        let builder = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_key_value_metadata(Some(notes.map(|(k, v)| KeyValue::new(k.to_owned(), v)).collect()))
            .set_compression(Compression::SNAPPY)
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_max_row_group_row_count(None);
        let encode = |builder: WriterPropertiesBuilder, (name, values): &(String, Values)| {
            builder.set_column_encoding(name.as_str().into(), values.physical().2)
        };
        self.columns.iter().fold(builder, encode).build()
    }

    /// The table as the bytes of a Parquet file: the same table gives the same bytes.
    ///
    /// In memory, so that the file can be written in one piece and a full disk is an I/O error like any other.
    pub fn encode(&self) -> Vec<u8> {
        seal(&self.try_encode().expect("a table with columns of one length encodes into memory"))
    }

    fn try_encode(&self) -> Result<Vec<u8>, ParquetError> {
        let mut bytes = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut bytes, self.schema()?, Arc::new(self.properties()))?;
        let mut group = writer.next_row_group()?;
        for (_, values) in &self.columns {
            let mut column = group.next_column()?.expect("the schema has a column for each of the table's");
            write_values(&mut column, values)?;
            column.close()?;
        }
        group.close()?;
        writer.close()?;
        Ok(bytes)
    }

    /// Reads a file of this kind, and the notes of these keys.
    pub fn read(path: &Path, kind: &'static str, notes: &[&'static str]) -> Result<Table> {
        // One open file for both looks at it: the name may be given to a newer file in between.
        let mut file = File::open(path).map_err(TraceError::io("open", path))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(TraceError::io("read", path))?;
        check_seal(path, &bytes)?;
        let unreadable =
            |error: ParquetError| TraceError::file(path, format!("not readable by this release ({error})"));
        let reader = SerializedFileReader::new(file).map_err(unreadable)?;
        let found = metadata(&reader);
        check_kind(path, kind, &found)?;
        let note = |key: &&'static str| found.get(*key).map(|value| (*key, value.clone()));
        let notes = notes.iter().filter_map(note).collect();
        let columns = read_columns(&reader).map_err(unreadable)?;
        let table = Table { kind, notes, columns };
        table.check(path)?;
        Ok(table)
    }

    fn check(&self, path: &Path) -> Result<()> {
        let rows = self.rows();
        match self.columns.iter().find(|(_, values)| values.len() != rows) {
            None => Ok(()),
            Some((name, values)) => {
                Err(TraceError::file(path, format!("column `{name}` has {} values, expected {rows}", values.len())))
            }
        }
    }
}

fn write_values(column: &mut SerializedColumnWriter<'_>, values: &Values) -> Result<(), ParquetError> {
    match values {
        Values::I32(v) => column.typed::<Int32Type>().write_batch(v, None, None),
        Values::I64(v) => column.typed::<Int64Type>().write_batch(v, None, None),
        Values::F32(v) => column.typed::<FloatType>().write_batch(v, None, None),
        Values::F64(v) => column.typed::<DoubleType>().write_batch(v, None, None),
        Values::Text(v) => {
            let texts: Vec<ByteArray> = v.iter().map(|text| text.as_str().into()).collect();
            column.typed::<ByteArrayType>().write_batch(&texts, None, None)
        }
        Values::MaybeI64(v) => write_nullable::<Int64Type>(column, v),
        Values::MaybeF32(v) => write_nullable::<FloatType>(column, v),
    }?;
    Ok(())
}

fn write_nullable<D: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: &[Option<D::T>],
) -> Result<usize, ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<D::T> = values.iter().flatten().cloned().collect();
    column.typed::<D>().write_batch(&present, Some(&levels), None)
}

fn metadata(reader: &SerializedFileReader<File>) -> HashMap<String, String> {
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let pairs = pairs.into_iter().flatten();
    pairs.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect()
}

fn check_kind(path: &Path, kind: &str, found: &HashMap<String, String>) -> Result<()> {
    let refuse = |problem| Err(TraceError::file(path, problem));
    match (found.get(KEY_TABLE), found.get(KEY_VERSION)) {
        (Some(table), Some(version)) if table == kind && version == VERSION => Ok(()),
        (Some(table), Some(version)) if table == kind => refuse(format!(
            "version {version} of the {kind} table, expected {VERSION}; read it with the release that wrote it"
        )),
        (Some(table), _) => refuse(format!("holds the {table} table, expected {kind}")),
        (None, _) => refuse(format!("a Parquet file without `{KEY_TABLE}`, expected our {kind} table")),
    }
}

fn read_columns(reader: &SerializedFileReader<File>) -> Result<Vec<(String, Values)>, ParquetError> {
    if reader.num_row_groups() != 1 {
        return Err(ParquetError::General(format!("{} row groups, expected 1", reader.num_row_groups())));
    }
    let group = reader.get_row_group(0)?;
    let descriptors = reader.metadata().file_metadata().schema_descr().columns();
    let column = |(index, descriptor): (usize, &Arc<ColumnDescriptor>)| {
        let values = read_values(&*group, index, descriptor)?;
        Ok((descriptor.name().to_owned(), values))
    };
    descriptors.iter().enumerate().map(column).collect()
}

fn read_values(
    group: &dyn RowGroupReader,
    index: usize,
    descriptor: &ColumnDescriptor,
) -> Result<Values, ParquetError> {
    let nullable = descriptor.max_def_level() > 0;
    Ok(match group.get_column_reader(index)? {
        ColumnReader::Int32ColumnReader(column) if !nullable => Values::I32(required(column)?),
        ColumnReader::Int64ColumnReader(column) if !nullable => Values::I64(required(column)?),
        ColumnReader::FloatColumnReader(column) if !nullable => Values::F32(required(column)?),
        ColumnReader::DoubleColumnReader(column) if !nullable => Values::F64(required(column)?),
        ColumnReader::ByteArrayColumnReader(column) if !nullable => Values::Text(texts(column)?),
        ColumnReader::Int64ColumnReader(column) => Values::MaybeI64(optional(column)?),
        ColumnReader::FloatColumnReader(column) => Values::MaybeF32(optional(column)?),
        _ => {
            let problem = format!("column `{}` has a type that we never write", descriptor.name());
            return Err(ParquetError::General(problem));
        }
    })
}

fn required<D: DataType>(mut column: ColumnReaderImpl<D>) -> Result<Vec<D::T>, ParquetError> {
    let mut values = Vec::new();
    column.read_records(usize::MAX, None, None, &mut values)?;
    Ok(values)
}

fn optional<D: DataType>(mut column: ColumnReaderImpl<D>) -> Result<Vec<Option<D::T>>, ParquetError> {
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    column.read_records(usize::MAX, Some(&mut levels), None, &mut values)?;
    let mut present = values.into_iter();
    Ok(levels.into_iter().map(|level| if level > 0 { present.next() } else { None }).collect())
}

fn texts(column: ColumnReaderImpl<ByteArrayType>) -> Result<Vec<String>, ParquetError> {
    let text = |value: ByteArray| value.as_utf8().map(str::to_owned);
    required(column)?.into_iter().map(text).collect()
}
