use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit},
    catalog::{Session, TableProvider},
    common::{DataFusionError, Result, ScalarValue, config::TableParquetOptions},
    datasource::{
        TableType,
        listing::PartitionedFile,
        physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource, parquet::CachedParquetFileReaderFactory},
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    execution::object_store::ObjectStoreUrl,
    logical_expr::{Expr, TableProviderFilterPushDown},
    physical_plan::{ExecutionPlan, empty::EmptyExec},
};
use skywarden_archive::{Archive, StoredFile};

use crate::{HuntError, prune};

/// What folders say of the events in them.
pub(crate) const FOLDERS: [&str; 3] = ["source", "date", "hour"];

/// So often an archive is listed that never stays the same.
const MAX_LISTINGS: usize = 20;

/// The events of an archive, or of one log source, as a table.
#[derive(Debug)]
pub(crate) struct Events {
    archive: Archive,
    source: Option<String>,
    url: ObjectStoreUrl,
    columns: TableSchema,
}

impl Events {
    pub(crate) fn new(archive: Archive, source: Option<String>, url: ObjectStoreUrl) -> Self {
        let columns = columns(archive.layout().names());
        Events { archive, source, url, columns }
    }

    /// Its columns in order.
    pub(crate) fn columns(&self) -> SchemaRef {
        Arc::clone(self.columns.table_schema())
    }

    /// The files that are there. A folder that is listed while files in it are joined may show neither these nor what they became, so
    /// it is listed until that gives the same twice.
    async fn listed(&self) -> Result<Vec<StoredFile>> {
        let list = async || {
            let files = self.archive.files(self.source.as_deref()).await;
            files.map_err(|error| DataFusionError::External(Box::new(error)))
        };
        let mut before = list().await?;
        for _ in 0..MAX_LISTINGS {
            let now = list().await?;
            if now == before {
                return Ok(now);
            }
            before = now;
        }
        Err(DataFusionError::External(Box::new(HuntError::Changed)))
    }
}

#[async_trait::async_trait]
impl TableProvider for Events {
    fn schema(&self) -> SchemaRef {
        self.columns()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = prune::wanted(state, &self.columns(), filters, self.listed().await?)?;
        if files.is_empty() {
            let columns = match projection {
                Some(projection) => Arc::new(self.columns().project(projection)?),
                None => self.columns(),
            };
            return Ok(Arc::new(EmptyExec::new(columns)));
        }
        let options = TableParquetOptions { global: state.config_options().execution.parquet.clone(), ..Default::default() };
        let runtime = state.runtime_env();
        let reader = CachedParquetFileReaderFactory::new(
            runtime.object_store(&self.url)?,
            runtime.cache_manager.get_file_metadata_cache(),
        );
        let source = ParquetSource::new(self.columns.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(reader));
        let group = FileGroup::new(files.iter().map(partitioned).collect());
        let scan = FileScanConfigBuilder::new(self.url.clone(), Arc::new(source))
            .with_file_groups(group.split_files(state.config().target_partitions()))
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(scan))
    }
}

/// The columns of files, and those that folders say.
fn columns(names: &[String]) -> TableSchema {
    let time = || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let fixed = [("seq", DataType::Int64), ("time", time()), ("received", time())];
    let mut fields: Vec<Field> = fixed.into_iter().map(|(name, kind)| Field::new(name, kind, false)).collect();
    fields.extend(["event_id", "class"].map(|name| Field::new(name, DataType::Utf8View, false)));
    fields.extend(names.iter().map(|name| Field::new(name, DataType::Utf8View, true)));
    fields.push(Field::new("raw", DataType::Utf8View, false));
    let kinds = [DataType::Utf8, DataType::Date32, DataType::Int64];
    let folders: Vec<FieldRef> =
        FOLDERS.into_iter().zip(kinds).map(|(name, kind)| Arc::new(Field::new(name, kind, false))).collect();
    TableSchema::builder(Arc::new(Schema::new(Fields::from(fields)))).with_table_partition_cols(folders).build()
}

fn partitioned(file: &StoredFile) -> PartitionedFile {
    PartitionedFile::new(file.path().to_string(), file.n_bytes).with_partition_values(vec![
        ScalarValue::Utf8(Some(file.hour.source.clone())),
        ScalarValue::Date32(Some(day(file))),
        ScalarValue::Int64(Some(file.hour.hour.rem_euclid(24))),
    ])
}

/// The days since 1970 of a file's events.
pub(crate) fn day(file: &StoredFile) -> i32 {
    i32::try_from(file.hour.hour.div_euclid(24)).unwrap_or(i32::MAX)
}
