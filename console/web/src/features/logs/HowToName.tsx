import { CopyBlock } from "../../components/CopyBlock";

const FILE = `[[logs.inputs]]
id = "auth"           # never used again for another input
source = "linux-auth"
from.kind = "file"
from.paths = ["/var/log/auth.log*"]`;

const QUEUE = `[[logs.inputs]]
id = "trail"
source = "aws-cloudtrail"
from.kind = "s3"
from.watch.queue.url = "https://sqs.eu-central-1.amazonaws.com/123456789012/skywarden-trail"`;

/** How whoever runs the installation names an input. */
export function HowToName() {
  return (
    <div className="stack wide" style={{ marginTop: 8 }}>
      <p>Inputs are named in <code>settings.toml</code> of the folder of <code>skywarden up --data</code>, and read when the server starts anew. Each brings the records of one log source.</p>
      <div className="columns">
        <CopyBlock title="A file that is followed" text={FILE} />
        <CopyBlock title="CloudTrail in a bucket of AWS, told by a queue" text={QUEUE} />
      </div>
      <p className="muted">Syslog, the systemd journal, auditd, what is posted over HTTP, Kafka, NATS and Pub/Sub can be taken in as well: <code>docs/guide/log-inputs.md</code> has an example of each, <code>docs/reference/log-sources.md</code> the names of all log sources.</p>
    </div>
  );
}
