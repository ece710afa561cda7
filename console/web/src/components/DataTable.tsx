import { Checkbox } from "@fluentui/react-components";
import { ArrowDown12Regular, ArrowUp12Regular, ChevronRight16Regular } from "@fluentui/react-icons";
import { Fragment, useId, useState, type ReactNode } from "react";

export interface Column<T> {
  key: string;
  header: string;
  cell: (row: T) => ReactNode;
  isEnd?: boolean;
  width?: string;
  /** The cell that names the row; on narrow screens it heads the card. */
  isLead?: boolean;
  isSortable?: boolean;
  /** On narrow screens it stands beside the next such cell, without its column's name. */
  isInline?: boolean;
}

export interface TableSort {
  key: string;
  isDescending: boolean;
}

export interface TableGroup<T> {
  key: string;
  title: ReactNode;
  rows: readonly T[];
}

/** Rows that can be marked, by their keys. */
export interface Selection<T> {
  keys: ReadonlySet<string>;
  onChange: (keys: ReadonlySet<string>) => void;
  canSelect?: (row: T) => boolean;
}

interface Props<T> {
  label: string;
  columns: readonly Column<T>[];
  groups: readonly TableGroup<T>[];
  rowKey: (row: T) => string;
  rowName?: (row: T) => string;
  sort?: TableSort;
  onSort?: (sort: TableSort) => void;
  /** What opens below a row, where `hasDetail` does not deny it. */
  detail?: (row: T) => ReactNode | undefined;
  hasDetail?: (row: T) => boolean;
  isMiddle?: boolean;
  selection?: Selection<T>;
}

/** The least that a column without a width of its own gets, in pixels. */
const LEAD_WIDTH = 220;

/** A table that becomes a list of cards on narrow screens. Roles are explicit since `display: block` would take them away. */
export function DataTable<T>({ label, columns, groups, rowKey, rowName, sort, onSort, detail, hasDetail, isMiddle, selection }: Props<T>) {
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const prefix = useId();
  const width = columns.length + (detail ? 1 : 0) + (selection ? 1 : 0);
  // Fixed columns keep long names from squeezing the others; below this width the table scrolls inside its card.
  const minWidth = columns.reduce((sum, column) => sum + (column.width?.endsWith("px") ? Number.parseInt(column.width, 10) : LEAD_WIDTH), 0);
  const toggle = (key: string) => setOpen(toggled(open, key));
  return (
    <div className="table-wrap">
      <table className={`table cards fixed${isMiddle ? " middle" : ""}`} style={{ minWidth }} role="table" aria-label={label}>
        <thead role="rowgroup">
          <tr role="row">
            {detail && <th role="columnheader" className="expander"><span className="visually-hidden">Details</span></th>}
            {selection && <SelectAll rows={groups.flatMap((group) => group.rows)} rowKey={rowKey} selection={selection} />}
            {columns.map((column) => (
              <HeaderCell key={column.key} column={column} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {groups.map((group) => (
            <Fragment key={group.key}>
              {group.title && (
                <tr role="row" className="group-row">
                  <td role="cell" colSpan={width}>{group.title}</td>
                </tr>
              )}
              {group.rows.map((row) => {
                const key = rowKey(row);
                const isOpen = open.has(key);
                const inside = detail && isOpen ? detail(row) : undefined;
                return (
                  <Fragment key={key}>
                    <tr role="row" className="plain-row">
                      {detail && (
                        <td role="cell" className="expander">
                          {(hasDetail?.(row) ?? true) && <button
                            type="button" className="expand-button" aria-expanded={isOpen} aria-controls={isOpen ? `${prefix}${key}` : undefined}
                            aria-label={`Details of ${rowName?.(row) ?? key}`} onClick={() => toggle(key)}
                          >
                            <ChevronRight16Regular aria-hidden />
                          </button>}
                        </td>
                      )}
                      {selection && (
                        <td role="cell" className="chooser">
                          {(selection.canSelect?.(row) ?? true) && (
                            <Checkbox aria-label={`Choose ${rowName?.(row) ?? key}`} checked={selection.keys.has(key)} onChange={() => selection.onChange(toggled(selection.keys, key))} />
                          )}
                        </td>
                      )}
                      {columns.map((column) => (
                        <td
                          key={column.key} role="cell" data-label={column.header}
                          className={[column.isEnd && "end number", column.isLead && "lead-cell", column.isInline && "inline-cell"].filter(Boolean).join(" ") || undefined}
                        >
                          <div>{column.cell(row)}</div>
                        </td>
                      ))}
                    </tr>
                    {isOpen && (
                      <tr role="row" className="detail-row" id={`${prefix}${key}`}>
                        <td role="cell" colSpan={width}>{inside}</td>
                      </tr>
                    )}
                  </Fragment>
                );
              })}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function toggled(keys: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(keys);
  if (!next.delete(key)) next.add(key);
  return next;
}

/** Marks every row that is shown, or none of them; rows of other pages keep their mark. */
function SelectAll<T>({ rows, rowKey, selection }: { rows: readonly T[]; rowKey: (row: T) => string; selection: Selection<T> }) {
  const own = rows.filter((row) => selection.canSelect?.(row) ?? true).map(rowKey);
  const n = own.filter((key) => selection.keys.has(key)).length;
  const isAll = n > 0 && n === own.length;
  const change = () => {
    const next = new Set(selection.keys);
    own.forEach((key) => (isAll ? next.delete(key) : next.add(key)));
    selection.onChange(next);
  };
  return (
    <th role="columnheader" className="chooser">
      {own.length > 0 && <Checkbox aria-label="Choose all that are shown" checked={isAll ? true : n > 0 ? "mixed" : false} onChange={change} />}
    </th>
  );
}

function HeaderCell<T>({ column, sort, onSort }: { column: Column<T>; sort?: TableSort; onSort?: (sort: TableSort) => void }) {
  const isSorted = sort?.key === column.key;
  const style = column.width ? { width: column.width } : undefined;
  if (!column.isSortable || !onSort) {
    return <th role="columnheader" className={column.isEnd ? "end" : undefined} style={style}>{column.header}</th>;
  }
  const Arrow = isSorted && !sort.isDescending ? ArrowUp12Regular : ArrowDown12Regular;
  return (
    <th
      role="columnheader" className={column.isEnd ? "end" : undefined} style={style}
      aria-sort={isSorted ? (sort.isDescending ? "descending" : "ascending") : "none"}
    >
      <button
        type="button" className="sort-button" data-sorted={isSorted || undefined}
        onClick={() => onSort({ key: column.key, isDescending: isSorted ? !sort.isDescending : true })}
      >
        {column.header} <Arrow aria-hidden />
      </button>
    </th>
  );
}
