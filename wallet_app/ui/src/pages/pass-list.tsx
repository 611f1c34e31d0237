import { useEffect, useState } from "preact/hooks";
import { formatSoon } from "../i18n";
import { live } from "../passes/shelf";
import type { StoredPass } from "../store/database";
import { Icon } from "../ui/icon";
import { Link } from "../ui/parts";
import { useWallet, zoneNames } from "../wallet";

export interface Shelf {
  readonly passes: readonly StoredPass[];
  readonly nameOf: (zone: string) => string;
}

/** The live passes on this phone; read again when `version` changes. */
export function useShelf(version = 0): Shelf | null {
  const { database, now } = useWallet();
  const [shelf, setShelf] = useState<Shelf | null>(null);
  useEffect(() => {
    void Promise.all([live(database, now()), zoneNames(database)]).then(([passes, nameOf]) => setShelf({ passes, nameOf }));
  }, [database, now, version]);
  return shelf;
}

/** Passes ready to show; nothing at all when there are none. */
export function PassList({ title }: { title: string }) {
  const shelf = useShelf();
  const { t, language, now } = useWallet();
  if (shelf === null || shelf.passes.length === 0) return null;
  return (
    <section class="stack">
      <h2>{title}</h2>
      <ul class="tiles">
        {shelf.passes.map((pass) => {
          const zone = shelf.nameOf(pass.zone);
          return (
            <li key={pass.passId}>
              <Link to={`/passes/${encodeURIComponent(pass.passId)}`} class="tile" label={t("passes.show_named", { zone })}>
                <Icon name="pass" />
                <span>
                  <strong>{zone}</strong>
                  <small>{t("passes.valid_until", { time: formatSoon(language, pass.expiresAt, now()) })}</small>
                </span>
              </Link>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
