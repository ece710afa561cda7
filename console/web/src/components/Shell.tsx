import { Button, DrawerBody, DrawerHeader, DrawerHeaderTitle, OverlayDrawer } from "@fluentui/react-components";
import { Dismiss24Regular, Navigation24Regular, ShieldCheckmark24Filled } from "@fluentui/react-icons";
import { Suspense, useEffect, useRef, useState } from "react";
import { Link, Outlet, useLocation } from "react-router";
import { AccountMenu } from "./AccountMenu";
import { Loading } from "./PageStates";
import { NavigationLinks } from "./navigation";
import { ThemeSwitch } from "./ThemeSwitch";

export function Shell({ isDark, onSwitchTheme }: { isDark: boolean; onSwitchTheme: (isDark: boolean) => void }) {
  const [isMenuOpen, setIsMenuOpen] = useState(false);
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // After a change of page, reading and tabbing begin at its top.
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [pathname]);
  return (
    <>
      <a className="skip" href="#content" onClick={(event) => { event.preventDefault(); main.current?.focus(); }}>Skip to the content</a>
      <header className="topbar">
        <Button
          className="menu-button" appearance="subtle" icon={<Navigation24Regular />} aria-label="Open the menu" aria-expanded={isMenuOpen}
          onClick={() => setIsMenuOpen(true)}
        />
        <Link to="/" className="brand"><ShieldCheckmark24Filled aria-hidden />Skywarden</Link>
        <div className="end"><ThemeSwitch isDark={isDark} onSwitch={onSwitchTheme} /><AccountMenu /></div>
      </header>
      <OverlayDrawer position="start" open={isMenuOpen} onOpenChange={(_, data) => setIsMenuOpen(data.open)} style={{ width: 264 }}>
        <DrawerHeader>
          <DrawerHeaderTitle action={<Button appearance="subtle" icon={<Dismiss24Regular />} aria-label="Close the menu" onClick={() => setIsMenuOpen(false)} />}>
            Skywarden
          </DrawerHeaderTitle>
        </DrawerHeader>
        <DrawerBody><NavigationLinks onChoose={() => setIsMenuOpen(false)} /></DrawerBody>
      </OverlayDrawer>
      <div className="frame">
        <aside className="sidebar"><div><NavigationLinks /></div></aside>
        <main className="content" id="content" ref={main} tabIndex={-1}>
          <Suspense fallback={<Loading />}><Outlet /></Suspense>
        </main>
      </div>
    </>
  );
}
