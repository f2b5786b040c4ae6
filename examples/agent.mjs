// An agent in Node: one line of JSON a cycle.
//
//     agentwatch run --interval 5s -- node examples/agent.mjs

const cycleMs = Number(process.env.CYCLE_SECONDS ?? 1) * 1000;

async function work() {
  await new Promise((done) => setTimeout(done, cycleMs)); // here your agent would think
  return { tokens: 950 };
}

for (let cycle = 1; ; cycle++) {
  const { tokens } = await work();
  console.log(JSON.stringify({ agent: "node", status: "ok", tokens_used: tokens, cycle }));
}
