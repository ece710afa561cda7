use std::{collections::BTreeSet, sync::Arc};

use datafusion::{
    common::{DataFusionError, config::Dialect},
    execution::{
        context::SQLOptions,
        memory_pool::{FairSpillPool, TrackConsumersPool},
        object_store::ObjectStoreUrl,
        runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::LogicalPlan,
    physical_plan::{SendableRecordBatchStream, execute_stream},
    prelude::{SessionConfig, SessionContext},
};
use futures_util::StreamExt as _;
use skywarden_archive::{Archive, ArchiveError};

use crate::{Answer, Column, HuntError, answer::columns_of, error::is_gone, table::Events};

/// What a query sorts, joins and groups takes at most so much memory, in bytes; what is more goes to temporary files. What is read
/// at the moment comes on top.
const MAX_MEMORY: usize = 512 << 20;

/// Temporary files take at most so much, in bytes.
const MAX_SPILLED: u64 = 8 << 30;

/// Files may be joined or removed between listing and opening them: so often a query begins anew.
const MAX_ATTEMPTS: usize = 3;

/// The table of all events.
const ALL: &str = "events";

/// An archive that can be asked.
pub struct Hunt {
    context: SessionContext,
    tables: Vec<Table>,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name in SQL.
    pub name: String,
    /// The log source whose events it has; those of all if there is none.
    pub source: Option<String>,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

impl std::fmt::Debug for Hunt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hunt").field("tables", &self.tables.len()).finish_non_exhaustive()
    }
}

impl Hunt {
    /// Makes an archive ready to be asked. Log sources that are known have a table even if no event of them came yet.
    ///
    /// # Errors
    /// If the archive can't be listed.
    pub async fn open(archive: &Archive, known: impl IntoIterator<Item = &str>) -> Result<Self, HuntError> {
        let mut sources: BTreeSet<String> = archive.sources().await?.into_iter().collect();
        sources.extend(known.into_iter().map(str::to_owned));
        let context = context()?;
        let url = ObjectStoreUrl::parse("archive://events").map_err(HuntError::engine)?;
        context.register_object_store(url.as_ref(), archive.storage());
        let mut tables = Vec::new();
        let all = std::iter::once((ALL.to_owned(), None));
        for (name, source) in all.chain(sources.into_iter().map(|source| (table_name(&source), Some(source)))) {
            let table = Events::new(archive.clone(), source.clone(), url.clone());
            tables.push(Table { name: name.clone(), source, columns: columns_of(&table.columns()) });
            context.register_table(name, Arc::new(table)).map_err(HuntError::engine)?;
        }
        Ok(Hunt { context, tables })
    }

    /// What can be asked for: all events first, then log sources in order.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// Answers a query over the events that are there now. Dropping the answer ends the work.
    ///
    /// # Errors
    /// If it is no SQL, names what is not there, would change something, needs too much memory, or if a file can't be read.
    pub async fn query(&self, sql: &str) -> Result<Answer, HuntError> {
        let told = |error: DataFusionError| HuntError::of(&error, sql, &self.tables);
        let plan = self.context.state().create_logical_plan(sql).await.map_err(told)?;
        check_reads_only(&plan)?;
        let mut attempt = 1;
        loop {
            let begun = self.begin(plan.clone()).await;
            match begun {
                Ok((first, stream)) => return Ok(Answer::new(first, stream, sql, self.tables.clone())),
                Err(error) if is_gone(&error) && attempt < MAX_ATTEMPTS => attempt += 1,
                Err(error) => return Err(told(error)),
            }
        }
    }

    /// Begins to read, up to the first rows.
    async fn begin(
        &self,
        plan: LogicalPlan,
    ) -> Result<(Option<datafusion::arrow::array::RecordBatch>, SendableRecordBatchStream), DataFusionError> {
        let frame = self.context.execute_logical_plan(plan).await?;
        let task = Arc::new(frame.task_ctx());
        let mut stream = execute_stream(frame.create_physical_plan().await?, task)?;
        let first = stream.next().await.transpose()?;
        Ok((first, stream))
    }
}

/// The name of a log source's table.
fn table_name(source: &str) -> String {
    source.chars().map(|character| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '_' }).collect()
}

fn context() -> Result<SessionContext, HuntError> {
    let mut config = SessionConfig::new().with_information_schema(true).with_collect_statistics(false);
    let options = config.options_mut();
    options.sql_parser.collect_spans = true;
    // In others `raw->>'x' = 'y'` compares first.
    options.sql_parser.dialect = Dialect::PostgreSQL;
    // Most columns of an event are not asked for, and of those that are only some rows.
    options.execution.parquet.pushdown_filters = true;
    options.execution.parquet.reorder_filters = true;
    let most = std::num::NonZeroUsize::MIN.saturating_add(2);
    let pool = TrackConsumersPool::new(FairSpillPool::new(MAX_MEMORY), most);
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).with_max_temp_directory_size(MAX_SPILLED);
    let runtime = runtime.build_arc().map_err(HuntError::engine)?;
    let mut context = SessionContext::new_with_config_rt(config, runtime);
    datafusion_functions_json::register_all(&mut context).map_err(HuntError::engine)?;
    Ok(context)
}

/// Refuses whatever is not a question.
fn check_reads_only(plan: &LogicalPlan) -> Result<(), HuntError> {
    let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(plan).map_err(|_| {
        let what = match plan {
            LogicalPlan::Ddl(ddl) => ddl.name().to_owned(),
            LogicalPlan::Dml(dml) => dml.op.to_string(),
            LogicalPlan::Copy(_) => "COPY".to_owned(),
            LogicalPlan::Statement(statement) => statement.name().to_owned(),
            _ => "a statement inside it that changes something".to_owned(),
        };
        HuntError::ChangesSomething { what }
    })
}

impl From<ArchiveError> for HuntError {
    fn from(error: ArchiveError) -> Self {
        HuntError::Archive(error)
    }
}
