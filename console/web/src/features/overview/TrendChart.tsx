import { LineChart } from "echarts/charts";
import { GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import type { TrendPoint } from "../../api/types";
import { formatPercent, formatTime } from "../../lib/format";

use([LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

/** The lowest labelled value: a multiple of ten below everything drawn, so that small changes can be seen. */
const floorOf = (points: readonly TrendPoint[]): number =>
  Math.max(0, Math.floor(Math.min(...points.map((point) => point.range[0])) * 10 - 0.5) / 10);
const ceilingOf = (points: readonly TrendPoint[]): number =>
  Math.min(1, Math.ceil(Math.max(...points.map((point) => point.range[1])) * 10 + 0.5) / 10);

/** Ticks of the time axis, by how far apart they are. */
const TICKS = { year: "{yyyy}", month: "{MMM} {yyyy}", day: "{d} {MMM}", hour: "{HH}:{mm}", minute: "{HH}:{mm}", second: "{HH}:{mm}" };

function optionOf(points: readonly TrendPoint[], style: CSSStyleDeclaration) {
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const text = { color: colour("--colorNeutralForeground3"), fontSize: 12, fontFamily: "inherit" };
  const line = { lineStyle: { color: colour("--colorNeutralStroke2") } };
  const at = (point: TrendPoint) => new Date(point.at).getTime();
  const edge = { type: "line", symbol: "none", silent: true, stack: "range", stackStrategy: "all", lineStyle: { opacity: 0 }, tooltip: { show: false } };
  return {
    animation: false,
    grid: { left: 8, right: 16, top: 12, bottom: 4, containLabel: true },
    xAxis: { type: "time", minInterval: 60_000, axisLabel: { ...text, hideOverlap: true, formatter: TICKS }, axisLine: line, splitLine: { show: false } },
    yAxis: {
      type: "value", min: floorOf(points), max: ceilingOf(points), splitNumber: 4, splitLine: line,
      axisLabel: { ...text, formatter: (value: number) => `${Math.round(value * 100)} %` },
    },
    tooltip: {
      trigger: "axis",
      // Rich text is drawn on the canvas: no HTML is ever made of what the server sent.
      renderMode: "richText",
      backgroundColor: colour("--colorNeutralBackground1"),
      borderColor: colour("--colorNeutralStroke1"),
      textStyle: { color: colour("--colorNeutralForeground1"), fontSize: 12 },
      formatter: (items: { dataIndex: number }[]) => tooltip(points[items[0]?.dataIndex ?? 0]),
    },
    series: [
      { ...edge, data: points.map((point) => [at(point), point.range[0]]) },
      { ...edge, data: points.map((point) => [at(point), point.range[1] - point.range[0]]), areaStyle: { color: colour("--score-band"), opacity: 0.55 } },
      {
        type: "line", data: points.map((point) => [at(point), point.percentage]), showSymbol: points.length < 40, symbolSize: 6,
        lineStyle: { color: colour("--score"), width: 2 }, itemStyle: { color: colour("--score") },
      },
    ],
  };
}

function tooltip(point: TrendPoint | undefined): string {
  if (!point) return "";
  const [low, high] = point.range;
  return [
    formatTime(point.at), `Secure score ${formatPercent(point.percentage)}`, `Range ${formatPercent(low)} to ${formatPercent(high)}`,
    `Coverage ${formatPercent(point.coverage)}`,
  ].join("\n");
}

/** The secure score over time, with its range as a band behind the line. */
export default function TrendChart({ points, isDark }: { points: readonly TrendPoint[]; isDark: boolean }) {
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
  const text = first && last
    ? `Secure score from ${formatPercent(first.percentage)} on ${formatTime(first.at)} to ${formatPercent(last.percentage)} on ${formatTime(last.at)}`
    : "Secure score over time";
  return <div ref={place} className="trend" role="img" aria-label={text} />;
}
