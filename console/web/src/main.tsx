import { createRoot } from "react-dom/client";
import { App } from "./App";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/table.css";
import "./styles/overview.css";
import "./styles/policy.css";
import "./styles/people.css";
import "./styles/threats.css";

const root = document.getElementById("root");
if (root) createRoot(root).render(<App />);
