import { FluentProvider, Toaster, webDarkTheme, webLightTheme } from "@fluentui/react-components";
import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense, type ReactNode } from "react";
import { BrowserRouter, Route, Routes } from "react-router";
import { queryClient } from "./api/queries";
import { ErrorBoundary } from "./components/ErrorBoundary";
import { NotFound } from "./components/NotFound";
import { Loading } from "./components/PageStates";
import { SessionGuard } from "./components/SessionGuard";
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
const ConnectPage = lazy(() => import("./features/connectors/ConnectPage"));
const ConnectorsPage = lazy(() => import("./features/connectors/ConnectorsPage"));
const DefenderPage = lazy(() => import("./features/defender/DefenderPage"));
const CoveragePage = lazy(() => import("./features/coverage/CoveragePage"));
const ExemptionsPage = lazy(() => import("./features/exemptions/ExemptionsPage"));
const ChangesPage = lazy(() => import("./features/changes/ChangesPage"));
const PlansPage = lazy(() => import("./features/plans/PlansPage"));
const PlanPage = lazy(() => import("./features/plans/PlanPage"));
const ProtectionPage = lazy(() => import("./features/protection/ProtectionPage"));
const AlertsPage = lazy(() => import("./features/alerts/AlertsPage"));
const AlertPage = lazy(() => import("./features/alerts/AlertPage"));
const SuppressionPage = lazy(() => import("./features/suppression/SuppressionPage"));
const IncidentsPage = lazy(() => import("./features/incidents/IncidentsPage"));
const IncidentPage = lazy(() => import("./features/incidents/IncidentPage"));
const LogsPage = lazy(() => import("./features/logs/LogsPage"));
const AccessPage = lazy(() => import("./features/access/AccessPage"));
const PrincipalPage = lazy(() => import("./features/access/PrincipalPage"));
const RolePage = lazy(() => import("./features/access/RolePage"));
const RoleFormPage = lazy(() => import("./features/access/RoleFormPage"));
const AuditPage = lazy(() => import("./features/audit/AuditPage"));
const SettingsPage = lazy(() => import("./features/settings/SettingsPage"));
const AccountPage = lazy(() => import("./features/account/AccountPage"));
const DevicePage = lazy(() => import("./features/device/DevicePage"));
const SignInPage = lazy(() => import("./features/session/SignInPage"));
const SetUpPage = lazy(() => import("./features/session/SetUpPage"));
const SetPasswordPage = lazy(() => import("./features/session/SetPasswordPage"));

export function App() {
  const { isDark, switchTheme } = useTheme();
  return (
    <FluentProvider theme={isDark ? webDarkTheme : webLightTheme}>
      <div className="app">
      <ErrorBoundary>
        <QueryClientProvider client={queryClient}>
          <BrowserRouter>
            <SessionGuard />
            <Routes>
              <Route path="sign-in" element={<Outside><SignInPage /></Outside>} />
              <Route path="set-up" element={<Outside><SetUpPage /></Outside>} />
              <Route path="set-password" element={<Outside><SetPasswordPage /></Outside>} />
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
                <Route path="connectors/new" element={<ConnectPage />} />
                <Route path="connectors/:id/defender" element={<DefenderPage />} />
                <Route path="coverage" element={<CoveragePage />} />
                <Route path="exemptions" element={<ExemptionsPage />} />
                <Route path="changes" element={<ChangesPage />} />
                <Route path="plans" element={<PlansPage />} />
                <Route path="plans/:name" element={<PlanPage />} />
                <Route path="protection" element={<ProtectionPage />} />
                <Route path="alerts" element={<AlertsPage />} />
                <Route path="alerts/suppression" element={<SuppressionPage />} />
                <Route path="alerts/:id" element={<AlertPage />} />
                <Route path="incidents" element={<IncidentsPage />} />
                <Route path="incidents/:id" element={<IncidentPage />} />
                <Route path="logs" element={<LogsPage />} />
                <Route path="access" element={<AccessPage />} />
                <Route path="access/principals/:id" element={<PrincipalPage />} />
                <Route path="access/roles/new" element={<RoleFormPage />} />
                <Route path="access/roles/:id" element={<RolePage />} />
                <Route path="access/roles/:id/edit" element={<RoleFormPage />} />
                <Route path="audit" element={<AuditPage />} />
                <Route path="settings" element={<SettingsPage />} />
                <Route path="account" element={<AccountPage />} />
                <Route path="device" element={<DevicePage />} />
                <Route path="*" element={<NotFound />} />
              </Route>
            </Routes>
          </BrowserRouter>
          <Toaster toasterId={TOASTER} position="bottom-end" />
        </QueryClientProvider>
      </ErrorBoundary>
      </div>
    </FluentProvider>
  );
}

/** Pages that are used without a session stand outside the shell. */
const Outside = ({ children }: { children: ReactNode }) => <Suspense fallback={<main className="outside"><Loading /></main>}>{children}</Suspense>;
