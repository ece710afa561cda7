import { Menu, MenuButton, MenuDivider, MenuItem, MenuList, MenuPopover, MenuTrigger } from "@fluentui/react-components";
import { Person20Regular, PersonAdd20Regular, PersonCircle20Regular, SignOut20Regular } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { api } from "../api/client";
import { useSession } from "../api/peopleQueries";
import { principalTitle } from "../lib/people";
import { sentence } from "../lib/format";

/** Who is signed in, and the ways to their account and out. */
export function AccountMenu() {
  const { data: session } = useSession();
  const navigate = useNavigate();
  // A new document forgets everything that was read.
  const leaving = useMutation({ mutationFn: () => api.remove("/session"), onSuccess: () => window.location.assign("/sign-in") });
  if (!session) return null;
  const title = principalTitle(session);
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <MenuButton className="account-button" appearance="subtle" icon={<PersonCircle20Regular />} aria-label={`Account of ${title}`} title={title}>
          <span className="account-name clip"><bdi>{title}</bdi></span>
        </MenuButton>
      </MenuTrigger>
      <MenuPopover>
        <div className="account-head">
          <strong className="clip"><bdi>{title}</bdi></strong>
          <span className="small muted clip">{session.kind === "Installation" ? "The installation itself" : <bdi>{session.name}</bdi>}</span>
        </div>
        <MenuDivider />
        <MenuList>
          <MenuItem icon={<Person20Regular />} onClick={() => void navigate("/account")}>My account</MenuItem>
          {session.firstRun && <MenuItem icon={<PersonAdd20Regular />} onClick={() => void navigate("/set-up")}>Make the first account</MenuItem>}
          <MenuItem icon={<SignOut20Regular />} persistOnClick disabled={leaving.isPending} onClick={() => leaving.mutate()}>
            {leaving.isPending ? "Signing out…" : "Sign out"}
          </MenuItem>
        </MenuList>
        {leaving.error && <p className="account-head small tone-Unhealthy" role="alert">{sentence(leaving.error.message)}</p>}
      </MenuPopover>
    </Menu>
  );
}
