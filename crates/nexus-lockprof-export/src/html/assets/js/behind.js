// Behind whom each point waited.

/**
 * Gives each point its `behind`: the points that held the lock while it waited, the longest first. And its `kept`: the
 * points that waited while it held the lock, without a name where that is not known.
 */
function readEdges(points, edges) {
  const key = (end) => JSON.stringify([end.lock, end.mode, end.site]);
  const byKey = new Map(points.map((point) => [point.key, point]));
  for (const point of points) Object.assign(point, { behind: [], kept: [] });
  for (const { waiting, holding, waits = 0, waited_ns = 0 } of edges) {
    const point = waiting && byKey.get(key(waiting));
    const holder = byKey.get(key(holding));
    holder?.kept.push({ name: point?.siteName ?? "(others)", mode: point?.mode, key: point?.key, waited_ns });
    if (!point) continue;
    const lock = holder ? holder.lockKey : JSON.stringify(holding.lock);
    // Only a point of the rest has another lock.
    const of = lock === point.lockKey || !holding.site.line ? "" : ` ${lockName(holding.lock, false)}`;
    const name = holder === point ? "itself" : (holder?.siteName ?? placeName(holding.site, true)) + of;
    point.behind.push({ name, mode: holder === point || !holding.site.line ? "" : holding.mode, waits, waited_ns });
  }
}

/** Each holder's share of a point's waiting: of its time or, if no time is known, of its waits. */
function holderShares(point) {
  const sum = (of) => point.behind.reduce((all, holder) => all + holder[of], 0);
  const of = sum("waited_ns") > 0 ? "waited_ns" : "waits";
  const whole = sum(of);
  return point.behind.map((holder) => ({ ...holder, share: percent(holder[of], whole) }));
}
