/** The shapes of `/api/v1/connectors/{id}/defender`. */
import type { Exemption, ExemptionCategory, Status } from "./types";

export type MatchedBy = "key" | "title" | "policy";

export type Why =
  | "unhealthyThere" | "unhealthyHere" | "oursUnknown" | "oursNotApplicable" | "theirsNotApplicable" | "notInTheirs" | "notInOurs" | "otherType";

export interface Difference {
  resource: string;
  theirs?: Status;
  ours?: Status;
  why: Why;
  cause?: string;
}

/** A recommendation of Defender's beside ours. */
export interface Compared {
  key: string;
  title: string;
  ours: string[];
  matchedBy: MatchedBy;
  same: number;
  resources: number;
  agreement: number;
  why: Partial<Record<Why, number>>;
  /** The first of them only, where there are many. */
  differences: Difference[];
}

/** A recommendation without counterpart: by an assessment key of Defender's, or an id of ours. */
export interface JudgedAlone {
  id: string;
  title: string;
  healthy: number;
  unhealthy: number;
}

export interface ScoresBeside {
  account: string;
  theirs: { current: number; max: number; percentage: number } | null;
  ours: number | null;
  range: [number, number] | null;
}

/** An exemption of Azure's and what it would be here. */
export interface TakeOver {
  theirs: {
    id: string;
    scope: string;
    reason: string;
    category: ExemptionCategory;
    expiresAt?: string | null;
  };
  ours: Exemption[];
  whyNot?: string;
}

export interface BesideDefender {
  connector: string;
  takenAt: string;
  agreement: { compared: Compared[]; onlyTheirs: JudgedAlone[]; onlyOurs: JudgedAlone[] };
  scores: ScoresBeside[];
  exemptions: TakeOver[];
  hiddenExemptions: number;
  /** Of the recommendations of ours that are named, by id. */
  titles: Record<string, string>;
  /** By subscription and part, the reason. */
  unread: Record<string, Record<string, string>>;
}
