// The steps of a walk: each is told, and one that fails does not keep the others from being tried.

let nPassed = 0;
let nFailed = 0;

/** Tries a step and says how it went. */
export async function step(name, work) {
  try {
    await work();
    nPassed += 1;
    console.log(`ok      ${name}`);
  } catch (error) {
    nFailed += 1;
    console.log(`failed  ${name}: ${error.message}`);
  }
}

/** Says how many passed and ends the process, with 1 if one failed. */
export function summary() {
  console.log(`${nPassed} passed, ${nFailed} failed`);
  process.exit(nFailed > 0 ? 1 : 0);
}
