import { LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import type { CompliancePoint } from "../../api/complianceTypes";
import { formatPercent, formatTime } from "../../lib/format";

use([LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

/** Ticks of the time axis, by how far apart they are. */
const TICKS = { year: "{yyyy}", month: "{MMM} {yyyy}", day: "{d} {MMM}", hour: "{HH}:{mm}", minute: "{HH}:{mm}", second: "{HH}:{mm}" };
const BANDS = [["passed", "--healthy-bar"], ["unknown", "--unknown-bar"], ["failed", "--unhealthy-bar"]] as const;

function optionOf(points: readonly CompliancePoint[], style: CSSStyleDeclaration) {
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const text = { color: colour("--colorNeutralForeground3"), fontSize: 12, fontFamily: "inherit" };
  const line = { lineStyle: { color: colour("--colorNeutralStroke2") } };
  return {
    animation: false,
    grid: { left: 8, right: 16, top: 12, bottom: 4, containLabel: true },
    xAxis: { type: "time", minInterval: 60_000, axisLabel: { ...text, hideOverlap: true, formatter: TICKS }, axisLine: line, splitLine: { show: false } },
    yAxis: { type: "value", minInterval: 1, splitNumber: 4, splitLine: line, axisLabel: text },
    tooltip: {
      trigger: "axis",
      // Rich text is drawn on the canvas: no HTML is ever made of what the server sent.
      renderMode: "richText",
      backgroundColor: colour("--colorNeutralBackground1"),
      borderColor: colour("--colorNeutralStroke1"),
      textStyle: { color: colour("--colorNeutralForeground1"), fontSize: 12 },
      formatter: (items: { dataIndex: number }[]) => tooltip(points[items[0]?.dataIndex ?? 0]),
    },
    // What was judged holds until it is judged anew, so the bands go in steps.
    series: BANDS.map(([name, variable]) => ({
      type: "line", step: "end", symbol: "none", stack: "controls", areaStyle: { color: colour(variable), opacity: 0.85 }, lineStyle: { width: 0 },
      data: points.map((point) => [new Date(point.at).getTime(), point[name]]),
    })),
  };
}

function tooltip(point: CompliancePoint | undefined): string {
  if (!point) return "";
  const share = typeof point.percentage === "number" ? `${formatPercent(point.percentage)} of judged controls passed` : "Nothing could be judged";
  return [formatTime(point.at), share, `Passed ${point.passed}`, `Failed ${point.failed}`, `Unknown ${point.unknown}`].join("\n");
}

/** Controls that passed, failed and could not be judged, over time. */
export default function HistoryChart({ points, isDark }: { points: readonly CompliancePoint[]; isDark: boolean }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const chart = init(element);
    chart.setOption(optionOf(points, getComputedStyle(element)));
    const observer = new ResizeObserver(() => chart.resize());
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.dispose();
    };
  }, [points, isDark]);
  const first = points[0];
  const last = points.at(-1);
  const told = (point: CompliancePoint) => `${point.passed} passed, ${point.failed} failed, ${point.unknown} unknown on ${formatTime(point.at)}`;
  const text = first && last ? `Controls over time: ${told(first)}; ${told(last)}` : "Controls over time";
  return <div ref={place} className="trend" role="img" aria-label={text} />;
}
