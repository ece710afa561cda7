import { useLogInputs } from "../../api/alertQueries";
import type { LogInputs } from "../../api/alertTypes";
import { Allowed } from "../../components/Allowed";
import { EmptyNote, Loaded } from "../../components/PageStates";
import { PageHead } from "../../components/PageHead";
import { Problem } from "../../components/Problem";
import { Time } from "../../components/Time";
import { LOG_INPUTS_READ } from "../../lib/actions";
import { formatCount, sentence } from "../../lib/format";
import { bytesText, countStates, rateText } from "../../lib/logInputs";
import { HowToName } from "./HowToName";
import { InputTable } from "./InputTable";

export default function LogsPage() {
  return (
    <div className="page">
      <PageHead title="Log sources" tabTitle="Log sources" lead="Where logs come in, and how far they are read. What is not read, no detection sees." />
      <Allowed action={LOG_INPUTS_READ} what="see log sources"><Inputs /></Allowed>
    </div>
  );
}

function Inputs() {
  const query = useLogInputs();
  return (
    <Loaded query={query}>
      {(inputs) => (
        <>
          {/* What was read last stays in sight, but must not pass for how it is now. */}
          {query.error && <Problem text={`This is how it was a while ago: ${query.error.message}`} />}
          {inputs.items.length === 0 ? <div className="card stack wide"><EmptyNote title="No log input is named"><p>Without one, no detection sees anything: that there are no alerts then means nothing.</p></EmptyNote><HowToName /></div> : <Named inputs={inputs} />}
        </>
      )}
    </Loaded>
  );
}

function Named({ inputs }: { inputs: LogInputs }) {
  const { items, problems, since } = inputs;
  const states = countStates(items);
  const sum = (value: (one: LogInputs["items"][number]) => number) => items.reduce((total, one) => total + value(one), 0);
  const perSecond = sum((one) => one.perSecond);
  return (
    <>
      {problems.map((one) => <Shared key={one.what} what={one.what} reason={one.reason} since={one.since} />)}
      <section className="card stack" aria-label="All inputs together">
        <div className="figures">
          <Figure value={formatCount(items.length)} text="inputs" />
          <Figure value={formatCount(states.Unhealthy)} text="failing" tone={states.Unhealthy > 0 ? "Unhealthy" : undefined} />
          <Figure value={formatCount(states.Unknown)} text="brought nothing yet" tone={states.Unknown > 0 ? "Unknown" : undefined} />
          <Figure value={formatCount(sum((one) => one.nEvents))} text="events" />
          <Figure value={perSecond > 0 ? rateText(perSecond) : "Nothing"} text="in the last minute" isText />
          <Figure value={bytesText(sum((one) => one.nBytes))} text="read" />
        </div>
        <p className="small muted">Counted since the server started, <Time at={since} />. It is looked again every five seconds.</p>
      </section>
      <section className="card flush" aria-label="Inputs"><InputTable inputs={items} /></section>
      <details className="card"><summary>Name another log input</summary><HowToName /></details>
    </>
  );
}

/** What holds all inputs up. */
function Shared({ what, reason, since }: LogInputs["problems"][number]) {
  return (
    <section className="card stack" style={{ gap: 4 }} role="alert">
      <h2 className="tone-Unhealthy">No log is taken in: {what}</h2>
      <p><bdi>{sentence(reason)}</bdi></p>
      <p className="small muted">Since <Time at={since} />. What waits at the sources is read once this is over.</p>
    </section>
  );
}

function Figure({ value, text, tone, isText = false }: { value: string; text: string; tone?: string; isText?: boolean }) {
  return <div className="figure"><strong className={tone ? `tone-${tone}` : undefined} style={isText ? { fontSize: 16 } : undefined}>{value}</strong><span className="muted">{text}</span></div>;
}
