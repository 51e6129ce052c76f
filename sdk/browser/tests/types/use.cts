// Compiles if the types resolve and fit what pages write. Never run.
import { Sluice, type Drop, type Failure, type Flushed, type Options, type State } from "sluice-browser";

interface Product {
  sku: string;
  price?: number;
}

interface Fields {
  campaign_id: string;
  items: Product[];
}

const options: Options = {
  context: { app: { id: "shop" } } satisfies object,
  userId: null,
  onDrop: (drop: Drop) => console.log(drop.ids.length),
  onError: ({ code, id }: Failure) => console.log(code, id),
  onState: (state: State) => console.log(state === "refused"),
};
const sluice = new Sluice(new URL("https://events.example"), options);
const product: Product = { sku: "b-17" };
const fields: Fields = { campaign_id: "c", items: [product] };
const id: string | null = sluice.track("purchase", product, fields);
const { stored, refused, dropped, waiting }: Flushed = null! as Flushed;
const user: string = sluice.userId;
sluice.userId = undefined;
sluice.userId = 7;
sluice.reset();
console.log(id, user, stored + refused + dropped + waiting, sluice.stats().inFlight);

// @ts-expect-error: not an option
new Sluice("/", { batchSize: 1 });
// @ts-expect-error: metadata is an object
sluice.track("a", 5);
