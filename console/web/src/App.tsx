import { FluentProvider, Toaster, webDarkTheme, webLightTheme } from "@fluentui/react-components";
import { QueryClientProvider } from "@tanstack/react-query";
import { lazy } from "react";
import { BrowserRouter, Route, Routes } from "react-router";
import { queryClient } from "./api/queries";
import { useSessionEnded } from "./api/session";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { NotFound } from "./components/NotFound";
import { SessionEnded } from "./components/SessionEnded";
import { Shell } from "./components/Shell";
import { TOASTER } from "./components/useSay";
import { useTheme } from "./lib/useTheme";

const OverviewPage = lazy(() => import("./features/overview/OverviewPage"));
const RecommendationsPage = lazy(() => import("./features/recommendations/RecommendationsPage"));
const RecommendationPage = lazy(() => import("./features/recommendations/RecommendationPage"));
const InventoryPage = lazy(() => import("./features/inventory/InventoryPage"));
const ResourcePage = lazy(() => import("./features/inventory/ResourcePage"));
const CompliancePage = lazy(() => import("./features/compliance/CompliancePage"));
const StandardPage = lazy(() => import("./features/compliance/StandardPage"));
const StandardFormPage = lazy(() => import("./features/standards/StandardFormPage"));
const PolicyPage = lazy(() => import("./features/policy/PolicyPage"));
const AssignmentPage = lazy(() => import("./features/policy/AssignmentPage"));
const DefinitionsPage = lazy(() => import("./features/policy/DefinitionsPage"));
const DefinitionPage = lazy(() => import("./features/policy/DefinitionPage"));
const TryPage = lazy(() => import("./features/policy/TryPage"));
const ConnectorsPage = lazy(() => import("./features/connectors/ConnectorsPage"));
const CoveragePage = lazy(() => import("./features/coverage/CoveragePage"));
const ExemptionsPage = lazy(() => import("./features/exemptions/ExemptionsPage"));
const ChangesPage = lazy(() => import("./features/changes/ChangesPage"));

export function App() {
  const { isDark, switchTheme } = useTheme();
  const hasSessionEnded = useSessionEnded();
  return (
    <FluentProvider theme={isDark ? webDarkTheme : webLightTheme}>
      <div className="app">
      <ErrorBoundary>
        <QueryClientProvider client={queryClient}>
          {hasSessionEnded ? (
            <SessionEnded />
          ) : (
            <BrowserRouter>
              <Routes>
                <Route element={<Shell isDark={isDark} onSwitchTheme={switchTheme} />}>
                  <Route index element={<OverviewPage />} />
                  <Route path="recommendations" element={<RecommendationsPage />} />
                  <Route path="recommendations/:id" element={<RecommendationPage />} />
                  <Route path="inventory" element={<InventoryPage />} />
                  <Route path="inventory/resource" element={<ResourcePage />} />
                  <Route path="compliance" element={<CompliancePage />} />
                  <Route path="compliance/:id" element={<StandardPage />} />
                  <Route path="standards/new" element={<StandardFormPage />} />
                  <Route path="standards/:id" element={<StandardFormPage />} />
                  <Route path="policy" element={<PolicyPage />} />
                  <Route path="policy/assignment" element={<AssignmentPage />} />
                  <Route path="policy/definitions" element={<DefinitionsPage />} />
                  <Route path="policy/definition" element={<DefinitionPage />} />
                  <Route path="policy/try" element={<TryPage />} />
                  <Route path="connectors" element={<ConnectorsPage />} />
                  <Route path="coverage" element={<CoveragePage />} />
                  <Route path="exemptions" element={<ExemptionsPage />} />
                  <Route path="changes" element={<ChangesPage />} />
                  <Route path="*" element={<NotFound />} />
                </Route>
              </Routes>
            </BrowserRouter>
          )}
          <Toaster toasterId={TOASTER} position="bottom-end" />
        </QueryClientProvider>
      </ErrorBoundary>
      </div>
    </FluentProvider>
  );
}
