import { useState } from "react";
import { Navigate, useLocation } from "react-router";
import { useSession } from "../api/peopleQueries";
import { useSessionEnded } from "../api/session";
import { isOutside, signInPath, takeReturn } from "../lib/returnPath";
import { isSetUpPutOff } from "../lib/setUp";

/** Leads to the sign-in page once the session has ended, and from the overview to where one is wanted first. */
export function SessionGuard() {
  const place = useLocation();
  const hasEnded = useSessionEnded();
  // The first account is made in the session that the address of `up` opened.
  if (isOutside(place.pathname) && place.pathname !== "/set-up") return null;
  if (hasEnded) return <Navigate to={signInPath(place)} replace />;
  return place.pathname === "/" ? <Arrival /> : null;
}

/** `/login` and identity providers lead to `/`. */
function Arrival() {
  const { data: session } = useSession();
  if (!session) return null;
  if (session.firstRun && !isSetUpPutOff()) return <Navigate to="/set-up" replace />;
  return <Returned />;
}

/** Where an identity provider's sign-in began; it is taken once. */
function Returned() {
  const [back] = useState(takeReturn);
  return back === "/" ? null : <Navigate to={back} replace />;
}
