import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** Forbids imports of the named folders, for the sentence that says which way they point. */
const closed = (folders, message) => ({
  "no-restricted-imports": ["error", { patterns: [{ regex: `^(@/|(\\.\\./)+)(${folders})(/|$)`, message }] }],
});

export default tseslint.config(
  { ignores: ["dist", "node_modules", "public", "src/lib/generated", "eslint.config.js"] },
  ...tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { project: "./tsconfig.node.json", tsconfigRootDir: import.meta.dirname } } },
  {
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // The contract spells a procedure without input or output as void.
      "@typescript-eslint/no-invalid-void-type": "off",
      // The router's redirects and not-found are thrown on purpose.
      "@typescript-eslint/only-throw-error": "off",
      // An event handler that returns a promise is how React calls a mutation; failures reach the query cache.
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // The contract is generated: a member that becomes required there does not make a fallback here wrong.
      "@typescript-eslint/no-unnecessary-condition": "off",
      eqeqeq: "error",
    },
  },
  { files: ["src/**/*.{ts,tsx}"], ...reactHooks.configs.flat["recommended-latest"] },
  { files: ["src/**/*.tsx"], ...jsxA11y.flatConfigs.strict },
  // One way only: lib <- ui <- areas <- app; among areas: auth <- notification <- healthcheck <- catalog.
  { files: ["src/lib/**"], rules: closed("ui|areas|app", "lib knows nothing of the pages") },
  { files: ["src/ui/**"], rules: closed("areas|app", "ui knows no area") },
  { files: ["src/areas/auth/**"], rules: closed("app|areas/(notification|healthcheck|catalog|theme)", "auth knows no other area") },
  { files: ["src/areas/command/**"], rules: closed("app|areas/(auth|theme|notification|healthcheck|catalog)", "command knows no other area") },
  { files: ["src/areas/theme/**"], rules: closed("app|areas/(auth|notification|healthcheck|catalog)", "theme knows no other area") },
  { files: ["src/areas/notification/**"], rules: closed("app|areas/(healthcheck|catalog)", "notification knows only auth and theme") },
  { files: ["src/areas/healthcheck/**"], rules: closed("app|areas/catalog", "healthcheck knows only auth and notification") },
  { files: ["src/areas/catalog/**"], rules: closed("app", "an area does not know the shell") },
  // Only an area's queries speak to the server.
  {
    files: ["src/areas/*/pages/**", "src/areas/*/components/**", "src/ui/**"],
    rules: {
      "@typescript-eslint/no-restricted-imports": ["error", { paths: [{ name: "@/lib/client", importNames: ["client"], message: "ask the area's queries.ts" }] }],
    },
  },
);
