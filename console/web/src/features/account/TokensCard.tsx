import { Button } from "@fluentui/react-components";
import { Add16Regular } from "@fluentui/react-icons";
import { CredentialDialog } from "../../components/CredentialDialog";
import { CredentialTable } from "../../components/CredentialTable";

const PATH = "/session/tokens";

/** Tokens that let programs act as oneself. */
export function TokensCard() {
  return (
    <CredentialTable
      title="My tokens" lead="For scripts that act as you" path={PATH} canRemove empty="You have no token. A script that sends one acts as you."
      action={<CredentialDialog path={PATH} trigger={<Button size="small" icon={<Add16Regular />}>New token</Button>} />}
    />
  );
}
