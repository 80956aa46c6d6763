// What the live connection needs to keep a trace current.

export async function read(url) {
  const answer = await fetch(url, { headers: { accept: "application/json" } });
  if (!answer.ok) throw Object.assign(new Error(`The trace could not be read: ${answer.status}`), { status: answer.status });
  return answer.json();
}

/** A feed for `live` of the trace that is read at `url`; `changed` hears the keys of steps that are new or different. */
export function feed(trace, url, changed) {
  const load = (data) => {
    if (data.full) trace.load(data);
    else trace.apply(data.run.rev, data.now, data.run, data.steps);
    changed(data.steps.map((row) => row[0]));
  };
  return {
    rev: () => trace.rev,
    done: () => trace.final,
    delta: (frame) => changed(trace.apply(frame.rev, frame.now, frame.run, frame.s)),
    reload: async () => load(await read(url)),
    poll: async () => load(await read(`${url}?since=${trace.rev}`)),
  };
}
