import { useId, useImperativeHandle, useRef, type Ref } from "react";
import { offsetOf } from "../../lib/policy";

export interface EditorHandle {
  /** Puts the cursor at a line and column, counted from 1. */
  go: (line: number, column: number) => void;
}

interface Props {
  label: string;
  value: string;
  onChange: (value: string) => void;
  handle?: Ref<EditorHandle>;
  placeholder?: string;
  wrongLines?: readonly number[];
  isShort?: boolean;
}

const LINE_HEIGHT = 18;

/** A text with numbered lines. Tab leaves it, as everywhere on the page. */
export function Editor({ label, value, onChange, handle, placeholder, wrongLines = [], isShort = false }: Props) {
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLPreElement>(null);
  useImperativeHandle(handle, () => ({
    go: (line, column) => {
      const own = area.current;
      if (!own) return;
      const at = offsetOf(own.value, line, column);
      own.focus();
      own.setSelectionRange(at, at + 1);
      own.scrollTop = Math.max(0, (line - 4) * LINE_HEIGHT);
      own.scrollIntoView({ block: "nearest" });
    },
  }), []);
  const n = value.split("\n").length;
  return (
    <div className="stack" style={{ gap: 4 }}>
      <label htmlFor={id} className="small muted">{label}</label>
      <div className={isShort ? "editor short" : "editor"}>
        <pre ref={gutter} aria-hidden>
          {Array.from({ length: n }, (_, at) => <span key={at} className={wrongLines.includes(at + 1) ? "wrong" : undefined}>{`${at + 1}\n`}</span>)}
        </pre>
        <textarea
          ref={area} id={id} value={value} placeholder={placeholder} spellCheck={false} autoCapitalize="off" autoCorrect="off"
          onChange={(event) => onChange(event.target.value)}
          onScroll={(event) => { if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop; }}
        />
      </div>
    </div>
  );
}
