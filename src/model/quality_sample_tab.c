/* quality_sample_tab.c - the built-in sample, written for this purpose.
 *
 * It is to be like what people embed: about half of it English, the rest in twenty other languages and mixtures; queries, questions,
 * titles, products, sentences, paragraphs of 100 to 250 tokens, code, log lines, numbers, slips and emoji. Texts are not chosen
 * for their cosines: one that comes out badly stays. vecd_quality_quick_sample() takes every eighth, so each kind and language has
 * eight or more. Changing any moves what `vecd quality` prints and what a threshold means. */
#include "model/quality.h"

#define T(text) {text, sizeof(text) - 1}

const vecd_span vecd_quality_sample[] = {
    /* English: queries */
    T("weather in lisbon tomorrow"),
    T("how to descale a kettle"),
    T("cheap flights oslo to rome"),
    T("best bread flour"),
    T("python sort dict by value"),
    T("nearest pharmacy open now"),
    T("convert 17 inches to cm"),
    T("why is my router blinking orange"),
    T("symptoms of iron deficiency"),
    T("used bicycles under 200"),
    T("what time does the library close"),
    T("vegetarian chili recipe no beans"),
    T("difference between fog and mist"),
    T("tax return deadline freelancers"),
    T("quiet laptop for students"),
    T("git undo last commit"),
    T("parking near the old harbour"),
    T("how long to boil an egg"),
    T("train strike friday"),
    T("jobs remote embedded c"),
    T("lyrics of that song about the lighthouse"),
    T("passport renewal how long"),
    T("nut free birthday cake"),
    T("who invented the zip"),
    T("running shoes flat feet"),
    T("meaning of dreams about stairs"),
    T("cat sneezing a lot"),
    T("bank holiday dates next year"),
    T("replace kitchen tap washer"),
    T("sourdough starter smells of acetone"),
    /* English: questions */
    T("How far is the moon from the earth on average?"),
    T("Can I return a pair of shoes without the original box?"),
    T("Which vaccines does a puppy need in its first year?"),
    T("What happens to my data when I close the account?"),
    T("Is it safe to drink rain water that ran over a copper roof?"),
    T("Why do the leaves of my tomato plant curl upwards?"),
    T("Where do swifts spend the winter?"),
    T("Who pays for the damage if a tree falls on a parked car?"),
    T("How many people live within an hour of the airport?"),
    T("Should the interest be counted before or after the fee?"),
    T("Do bees sleep at night?"),
    T("What is the difference between a lake and a reservoir?"),
    T("When was the bridge closed to lorries, and why?"),
    T("Does the warranty cover batteries that have lost capacity?"),
    T("How do I tell whether a mushroom is edible?"),
    T("Could you explain the second step again, a little more slowly?"),
    /* English: titles and product names */
    T("A Short History of Paper"),
    T("The Clockmaker's Second Daughter"),
    T("Annual Report on Coastal Erosion, Volume 3"),
    T("Minutes of the Housing Committee, 4 March"),
    T("Gardening on Clay: What Grows and What Does Not"),
    T("Introduction to Queueing Theory"),
    T("City Council Approves Night Bus After Long Debate"),
    T("Striker Leaves Training With Ankle Injury"),
    T("Small Cities, Large Rivers"),
    T("A Field Guide to Winter Moths"),
    T("Release notes for version 4.2.1"),
    T("Terms and Conditions of Carriage"),
    T("Cordless drill 18 V, two batteries, case"),
    T("USB-C cable 2 m braided, black, 100 W"),
    T("Women's rain jacket, size M, moss green"),
    T("Ergonomic office chair with lumbar support and headrest"),
    T("Stainless steel water bottle 750 ml"),
    T("LED bulb E27 8W warm white (pack of 4)"),
    T("Noise-cancelling headphones NX-700 Mk II"),
    T("Organic oat drink, unsweetened, 6 x 1 l"),
    T("Replacement filter for AquaPure 300/310/320"),
    T("Children's wooden puzzle, 48 pieces, farm animals"),
    T("Mountain bike tyre 29 x 2.25 tubeless ready"),
    T("Espresso beans \"Harbour Blend\" 1 kg, dark roast"),
    /* English: sentences */
    T("The ferry leaves at dawn and comes back before dark."),
    T("She folded the letter twice and put it behind the clock."),
    T("Most of the valley was under water by the time the engineers arrived."),
    T("Our test fails only on machines with more than sixty-four cores."),
    T("The committee could not agree on a date."),
    T("Nobody had told the new tenant about the cellar."),
    T("A warm front will bring light rain to the north by evening."),
    T("The recipe asks for two lemons, but one large orange works as well."),
    T("Prices rose faster in the villages than in the capital."),
    T("He apologised, which surprised everyone who knew him."),
    T("The patient reported mild headaches after the second dose."),
    T("Please sign both copies and send one of them back to us."),
    T("Glass is made of sand, soda and lime, melted together at great heat."),
    T("The court found that the notice had been given too late."),
    T("Two buses an hour stop in front of the museum."),
    T("I like the smell of old books more than I like reading them."),
    T("The cable must not be bent sharply near the connector."),
    T("Wolves returned to the forest after an absence of ninety years."),
    T("The defendant denied having ever seen the contract."),
    T("With a slow oven and enough patience, even tough meat becomes tender."),
    T("The satellite passes over the same point every sixteen days."),
    T("Interest rates were left unchanged for the fifth month in a row."),
    T("My grandmother kept bees on the roof of a seven-storey house."),
    T("The password must have at least twelve characters and one digit."),
    T("The opposition called the plan expensive, slow and badly explained."),
    T("Pull the lever gently until you hear a click."),
    T("The orchestra tuned for so long that the audience began to laugh."),
    T("Sea ice reflects sunlight; dark water takes it up."),
    T("It is not the fall that hurts, as they say, but the landing."),
    T("The second volume is out of print and hard to find."),
    T("After the merger, about four hundred people lost their jobs."),
    T("Every prime greater than three lies next to a multiple of six."),
    T("They painted the door blue so that the postman would find it."),
    T("Trains are delayed because of a fault in the signals at the junction."),
    T("The protein folds within microseconds once the salt is washed out."),
    T("A cheap microscope will show you the cells of an onion skin."),
    T("The goalkeeper had no chance against the second shot."),
    T("We regret that the room you booked is no longer available."),
    T("Dust from the desert coloured the snow in the mountains yellow."),
    T("The child asked why the sea does not overflow."),
    T("This medicine may make you drowsy; do not drive."),
    T("In autumn the swallows gather on the wires and talk for hours."),
    T("The lease can be ended by either side with three months' notice."),
    T("Half of the votes had been counted when the lights went out."),
    T("Turn left at the bakery, then follow the river for a mile."),
    T("The violin was older than the country it was played in."),
    T("A queue without a limit is a memory leak with good manners."),
    T("Nurses on the night shift drank more coffee and made fewer mistakes."),
    T("The old map shows a well where the supermarket stands today."),
    T("The engine runs, but it will not idle."),
    T("Whoever measures twice need cut only once."),
    T("The museum lends its umbrellas to visitors without a deposit."),
    /* English: paragraphs */
    T("The town was built on a bend of the river where two trade roads met. For three hundred years it lived on tolls "
      "and on wool, and the merchants' houses along the quay still show how well. When the railway came it passed eight "
      "miles to the south, and within one generation half of the inns had closed. What saved the place was its lack of "
      "money: nobody could afford to tear anything down. Today visitors come to see streets that everyone here once "
      "thought of as a misfortune, and the mayor, who owns two of the remaining inns, is careful never to call it "
      "progress."),
    T("To replace the filter, switch the appliance off and wait until the light has gone out. Open the flap at the "
      "back, pull the old filter towards you by its tab, and throw it away with the household waste. Rinse the new "
      "filter under cold water for about a minute; a little black dust is normal. Push it in until it clicks and close "
      "the flap. Hold the reset button for five seconds. If the light keeps blinking, the filter does not sit straight: "
      "take it out and put it in again. Change the filter every two months, or sooner if the water in your area is "
      "hard."),
    T("A hash table answers in constant time on average, and that average hides a good deal. When many keys fall into "
      "the same bucket the table turns into a list, and someone who can choose the keys can see to it that they do. A "
      "random seed for each process makes this much harder. Growth is the other surprise: once in a while an insertion "
      "has to move everything, and if a thousand clients wait at that moment they all wait for the same copy. Tables "
      "that move a few entries at every step avoid the pause, at the price of looking in two places while the move goes "
      "on."),
    T("We walked for six days along the coast and met almost nobody. On the first evening it rained so hard that we "
      "slept in a boathouse whose owner, it turned out, had been looking for us to offer exactly that. On the third day "
      "the path left the cliffs and crossed a marsh on planks that gave way under every step. My brother, who is afraid "
      "of heights but not of mud, was happy for the first time. By the end we had eaten all of the bread, most of the "
      "cheese and none of the dried fish, and we agreed to do it again without the fish."),
    T("The study followed 1,204 adults between 40 and 65 years of age for eight years. Those who slept less than six "
      "hours on most nights had higher blood pressure at the end of the period than those who slept seven or eight, "
      "even after age, weight and smoking had been taken into account. The difference was small, about three "
      "millimetres of mercury, and it was not found in people who had worked shifts all their lives. The authors warn "
      "that sleep was reported by the participants themselves and that people are poor judges of how long they lie "
      "awake."),
    T("Knead the dough for ten minutes, until it no longer sticks to your hands, and let it rest under a damp cloth in "
      "a warm corner. Meanwhile slice the onions as thinly as you can and let them turn golden in butter over a low "
      "flame; this takes longer than any cookbook admits. Roll out the dough, spread the onions over it, add the bacon "
      "if you use it, and pour the mixture of eggs and cream on top. Bake for forty minutes in the lower third of the "
      "oven. It is at its best half an hour later, when it has stopped being too hot to taste of anything."),
    T("The tenant may keep small pets without asking. Dogs and cats need the landlord's consent, which may not be "
      "refused without a reason and which may be withdrawn if other tenants are seriously disturbed. The tenant pays "
      "for all damage done by animals, even where it could not have been foreseen. At the end of the tenancy the flat "
      "is to be handed over swept and with every key, including those that the tenant had made. A change to this "
      "contract is valid only in writing; this holds for the present sentence too."),
    T("Light from the star reaches us after a journey of some four thousand years. What the telescope records is "
      "therefore not what the star does now but what it did while people were learning to smelt copper. Twice in the "
      "last century its brightness dropped by almost half for several weeks and then came back. A planet would dim it "
      "by far less, and regularly. Dust is the more likely cause: a cloud torn from a comet, or what is left of a small "
      "world that came too near. The next dip, if there is one, will be watched by instruments that did not exist at "
      "the last."),
    T("Thank you for your message of 12 May. We are sorry to hear that your parcel arrived damaged. Please send us two "
      "photographs, one of the box from outside and one of the contents, together with your order number. As soon as we "
      "have them we will post a replacement at no cost to you; there is no need to return the broken item. If you would "
      "rather have your money back, tell us so and we will refund the full price, postage included, within five working "
      "days. We have also reported the matter to the carrier."),
    T("Inflation is often explained as too much money chasing too few goods, but in practice it has many parents. A bad "
      "harvest raises the price of bread, a strike at a port raises the price of everything that comes by sea, and the "
      "expectation that prices will rise is enough to make them do so. Central banks can act on the last of these far "
      "better than on the first two. They raise interest rates, loans become dearer, people buy less, and after a year "
      "or so prices calm down. Whether the harvest was worth a recession is a question that they leave to others."),
    T("The second half began as the first had ended, with the visitors in possession and the home side behind the ball. "
      "It took a mistake to change that: a pass across the penalty area, meant for the goalkeeper, rolled straight to "
      "the feet of the substitute, who had been on the pitch for less than a minute and did not need to look up. From "
      "then on there was only one team on the field. The equaliser came ten minutes later from a corner and the winner, "
      "deep into added time, from a free kick that touched two heads and a post before it crossed the line."),
    T("When a request arrives the server reads it as far as the end of its head, looks up the route, and decides what "
      "body it is prepared to accept. Only then does it read the rest. A body that is longer than announced is cut, one "
      "that never comes is given up after thirty seconds, and one that is too long is refused before a single byte of "
      "it has been stored. The handler sees none of this. It is given a complete request or nothing at all, and its "
      "reply is sent as fast as the client takes it, without blocking anyone else who may be waiting on the same "
      "thread."),
    T("Old apple varieties survive in gardens because somebody's grandfather liked them. Commercial orchards want fruit "
      "that ripens on the same day, travels well and looks the same in every crate, and a few dozen varieties do. The "
      "others, of which there were once thousands, ripen when they please. Some are sour until Christmas and sweet "
      "after it. Some taste of pear or of aniseed, and one, which grows in a single parish, is good for nothing but "
      "feeding pigs and has been kept alive for that purpose since the seventeenth century. A cutting costs nothing; "
      "you need only ask."),
    T("The device measures the oxygen in the blood by shining red and infrared light through a fingertip. Blood that "
      "carries oxygen lets more of the red light pass, blood without it more of the infrared, and from the ratio of the "
      "two the saturation is computed. Cold hands, nail varnish and movement disturb the measurement. Readings between "
      "95 and 100 per cent are normal at sea level. A single low value means little; repeat it after some minutes of "
      "rest, and call a doctor if it stays under 92 or if you are short of breath, whatever the display says."),
    T("Nobody knows who first planted the avenue. The oldest of the limes were felled in a hard winter and their rings "
      "counted: two hundred and eleven years, which takes them back to a time when the estate was being sold piece by "
      "piece. One story says that the last owner spent his remaining money on trees so that his creditors should not "
      "have it. Another says that the trees were payment for a bridge. The parish book, which notes every birth and "
      "every stolen goose, has nothing to say on the matter, and perhaps that is the answer: somebody thought it a good "
      "idea, dug some holes, and told no one."),
    /* English: code and logs */
    T("for (size_t i = 0; i < n; i++) sum += a[i] * b[i];"),
    T("if (!fd || lseek(fd, 0, SEEK_END) < 0) return -EINVAL;"),
    T("static inline uint32_t rotl(uint32_t x, int k) { return (x << k) | (x >> (32 - k)); }"),
    T("def mean(xs):\n    return sum(xs) / len(xs) if xs else 0.0"),
    T("SELECT name, COUNT(*) FROM orders WHERE placed > '2023-01-01' GROUP BY name HAVING COUNT(*) > 3;"),
    T("const total = items.reduce((sum, item) => sum + item.price * item.count, 0);"),
    T("fn parse(input: &str) -> Result<Vec<u8>, ParseError> {"),
    T("curl -sS -X POST http://localhost:9000/items -d '{\"id\": 7, \"tags\": [\"a\", \"b\"]}'"),
    T("git rebase --onto main feature~3 feature"),
    T("<div class=\"card\"><h2>Order #1182</h2><p>Shipped on Monday</p></div>"),
    T("import numpy as np\nx = np.linspace(0, 1, 101)\nprint(x.mean(), x.std())"),
    T("{\"level\":\"warn\",\"ts\":\"2024-02-29T23:59:58Z\",\"msg\":\"retrying\",\"attempt\":4,\"delay_ms\":1600}"),
    T("127.0.0.1 - - [14/Jul/2023:09:12:44 +0200] \"GET /static/app.js HTTP/1.1\" 304 0"),
    T("kernel: [81234.551209] usb 2-1.4: device descriptor read/64, error -71"),
    T("ERROR worker-3 connection to db-replica-2:5432 lost after 30001 ms, 17 queries dropped"),
    T("Traceback (most recent call last): File \"load.py\", line 88, in main: KeyError: 'customer_id'"),
    T("java.lang.IllegalStateException: pool exhausted (size=50, waiting=212)"),
    T("segfault at 18 ip 00007f3a2c1b4e90 sp 00007ffd5b0a1c40 error 4 in libworker.so"),
    T("make[2]: *** [Makefile:214: build/parser.o] Error 1"),
    T("docker run --rm -it -v \"$PWD\":/src -w /src --memory 512m builder:latest make test"),
    T("^(\\d{4})-(\\d{2})-(\\d{2})T(\\d{2}):(\\d{2})(?::(\\d{2}))?Z$"),
    T("#define CLAMP(x, lo, hi) ((x) < (lo) ? (lo) : (x) > (hi) ? (hi) : (x))"),
    T("type Handler func(ctx context.Context, req *Request) (*Response, error)"),
    T("0x1f8b0800 0xdeadbeef 0x00000000 0xffffffff"),
    T("VECTOR_SIZE=384 BATCH=64 ./run.sh --seed 1 --out results/run-07.csv 2>&1 | tee run.log"),
    T("public class Node<T> { private T value; private Node<T> next; }"),
    T("https://example.org/articles/2022/11/how-rivers-move?ref=newsletter&utm_source=mail#section-3"),
    T("C:\\Users\\anna\\Documents\\invoices\\2023-04\\rent_final_v2.pdf"),
    T("deploy: rolled back release 412 (health check failed on 3 of 12 nodes)"),
    T("let rec fold f acc = function [] -> acc | x :: rest -> fold f (f acc x) rest"),
    T("WARN  disk /dev/nvme0n1p2 is 91% full; oldest snapshot is 43 days old"),
    T("void main() { gl_FragColor = vec4(uv.x, uv.y, 0.5 + 0.5 * sin(time), 1.0); }"),
    T("192.168.17.4 10.0.0.0/8 fe80::1ff:fe23:4567:890a"),
    T("@media (max-width: 600px) { nav { display: none; } main { padding: 0 1rem; } }"),
    /* English: numbers and data */
    T("3.14159265358979"),
    T("2023-08-17 14:05:09"),
    T("$1,299.00 incl. 19% VAT"),
    T("+1 (555) 010-7788"),
    T("12 kg, 3 x 450 g, 0.75 l, 1/2 cup"),
    T("Q3 revenue 4.2m (+7.5%), margin 18.1%, headcount 231"),
    T("ISBN 978-0-00-000000-2"),
    T("lat 59.9139, lon 10.7522, alt 23 m"),
    T("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"),
    T("Flight KX 4471, gate B12, boarding 06:35, seat 21F"),
    T("x^2 + 3x - 10 = 0 has the roots 2 and -5"),
    T("room 204: 21.5 C, 48% rh, 612 ppm CO2"),
    T("order 7781-A; 2 pcs; EUR 34,90; paid"),
    T("MATCH 4 : 6-3 3-6 7-6 (7-4)"),
    /* English: typos, capitals, chat, emoji */
    T("teh pakage arived but teh box was opne"),
    T("plese call me bak asap its urgnt"),
    T("i dont no wher i left my keyz lol"),
    T("Definately recomend this restarant, grate food!"),
    T("wanna meet 2nite?\? im free after 8"),
    T("DO NOT OPEN THIS DOOR WHILE THE MACHINE IS RUNNING"),
    T("FREE SHIPPING ON ALL ORDERS OVER $50!!!"),
    T("WHY IS NOBODY ANSWERING THE PHONE"),
    T("HOW TO RESET THE PASSWORD OF AN OLD TABLET"),
    T("omg that goal 😱🔥🔥"),
    T("happy birthday grandma 🎂🎉❤️"),
    T("running late, traffic is terrible 🚗😩"),
    T("great product 👍👍 would buy again ⭐⭐⭐⭐⭐"),
    T("🐶 or 🐱?"),
    T("no worries :-) see you on monday ;)"),
    T("brb... phone"),
    T("hmmmmm not sure abt that one tbh"),
    T("Thx 4 ur help!!! ur the best <3"),
    T("aaaaaaaaaaaaaaargh"),
    T("ok"),
    T("no"),
    T("Hello"),
    T("?\?\? what do you mean ?\?\?"),
    T("*** SOLD OUT *** back in stock on the 3rd"),
    T("SeNd HeLp"),
    T("e-mail me @ the usual address pls & ty"),
    T("the the the the the the the"),
    /* English: talk and reviews */
    T("\"Did you lock it?\" - \"I thought you did.\""),
    T("Well, that could have gone worse."),
    T("The battery lasts two days if you do not use it for anything."),
    T("Beautiful room, friendly staff, terrible pillows. We would come back with our own."),
    T("Not what I expected from the pictures, but it does the job and the colour is nice."),
    T("Three stars: the plot is clever, the people in it are made of cardboard."),
    T("I have been a customer for eleven years and have never been treated like this."),
    T("Speak up, please, the line is bad and there is a dog in the room."),
    T("Honestly? I only came for the cake."),
    T("It broke on the second day, the shop replaced it, and the new one broke on the first."),
    T("Could you move the meeting to Thursday? I will be at the dentist on Wednesday morning."),
    T("Excellent value. Easy to assemble, though the instructions skip step nine."),
    T("Sorry, I don't understand the question."),
    T("As a beginner I found chapter two hard, but the exercises are worth it."),
    T("We waited forty minutes for the soup and it was cold; the waiter was charming about it."),
    T("This is the third time I am writing to you about the same invoice."),
    /* English: facts, law, medicine, science */
    T("Copper conducts heat better than iron and worse than silver."),
    T("The treaty was signed by eleven states and ratified by seven."),
    T("Enzymes lower the energy that a reaction needs to begin."),
    T("A sonnet has fourteen lines."),
    T("Either party may terminate this agreement with immediate effect for good cause."),
    T("Acute otitis media in children is usually self-limiting; antibiotics are given if symptoms persist."),
    T("The mitochondrion has a genome of its own, inherited through the mother."),
    T("Under the new rules, employers must record the beginning and the end of each working day."),
    T("In a right triangle the square on the longest side equals the sum of the squares on the other two."),
    T("The volcano last erupted in the year the cathedral was finished."),
    T("Earthworms turn over several tonnes of soil per hectare each year."),
    T("An option is a right, not a duty, to buy at a price fixed today."),
    T("Adverse reactions: nausea (8%), dizziness (5%), rash (<1%)."),
    T("Heat flows from the warm body to the cold one, never by itself the other way."),
    T("The gearbox ratio in fourth gear is 1.29 to 1."),
    T("Photosynthesis stores the energy of light in sugar and sets oxygen free."),
    T("The plaintiff bears the burden of proof."),
    T("Basalt forms when lava that is rich in iron cools quickly."),
    T("The amendment was rejected by 212 votes to 198, with 14 abstentions."),
    T("Sound travels about four times as fast in water as in air."),
    /* German */
    T("günstige Winterreifen 205/55 R16"),
    T("Wie lange ist ein Reisepass gültig?"),
    T("Der Bäcker an der Ecke hat montags geschlossen."),
    T("Öffnungszeiten Bürgeramt Neustadt"),
    T("Die Straße war so glatt, dass selbst die Streufahrzeuge stecken blieben."),
    T("Kleine Geschichte der Vogelbeobachtung in Mitteleuropa"),
    T("Donaudampfschifffahrtsgesellschaftskapitän"),
    T("ACHTUNG: WEGEN BAUARBEITEN KEIN ZUG ZWISCHEN FÜRTH UND ERLANGEN"),
    T("Können Sie mir bitte eine Rechnung mit ausgewiesener Mehrwertsteuer schicken?"),
    T("ich hab kein plan was der chef schon wieder will 🙄"),
    T("Bei Überlastung schaltet das Gerät selbsttätig ab und muss zehn Minuten abkühlen."),
    T("Als wir am Abend in der Hütte ankamen, brannte im Ofen schon ein Feuer, und auf dem Tisch stand ein Topf Suppe, "
      "den der Wirt, wie er sagte, für Leute wie uns immer auf dem Herd hält: für Leute, die den Weg unterschätzen. Wir "
      "waren seit sieben Uhr unterwegs gewesen, hatten zweimal die Abzweigung verfehlt und das letzte Stück im Nebel "
      "zurückgelegt. Niemand redete viel. Erst nach dem zweiten Teller fragte jemand, wie weit es morgen sei, und der "
      "Wirt lachte nur."),
    /* French */
    T("recette tarte aux poireaux sans crème"),
    T("Où puis-je faire réparer une montre ancienne ?"),
    T("Le train de 18 h 42 partira voie 7 avec dix minutes de retard."),
    T("L'été dernier, la rivière était à sec dès le mois de juin."),
    T("Guide pratique du jardinier débutant"),
    T("Il n'y a pas de fumée sans feu, mais il y a souvent du feu sans fumée."),
    T("Vélo de ville femme, cadre bas, 7 vitesses, bleu nuit"),
    T("C'est pas grave, on verra ça demain ;)"),
    T("Merci de bien vouloir confirmer votre présence avant le 15 septembre."),
    T("Le conseil municipal a voté la rénovation de l'école à l'unanimité."),
    T("Ma tante tenait une mercerie dans une rue où personne ne passait plus. Elle ouvrait à neuf heures, rangeait les "
      "boutons par couleur, puis par taille, puis de nouveau par couleur, et fermait à midi précis. Quand on lui "
      "demandait de quoi elle vivait, elle répondait qu'elle vivait de très peu et que cela prenait tout son temps. "
      "Après sa mort, nous avons trouvé sous le comptoir quarante cahiers où elle avait noté, jour après jour, le nom "
      "de chaque client et ce qu'il n'avait pas acheté."),
    T("QUI A PRIS MES CLÉS ?\?\?"),
    /* Spanish */
    T("alquiler piso dos habitaciones cerca del mar"),
    T("¿Cuánto tarda en secarse la pintura al agua?"),
    T("El niño escondió la carta debajo de la almohada."),
    T("La sequía obligó a cerrar las fuentes de la plaza durante todo el verano."),
    T("¡Feliz cumpleaños! 🎈 Que cumplas muchos más."),
    T("Manual de usuario: lavadora de carga frontal 8 kg"),
    T("No me acuerdo de dónde aparqué el coche."),
    T("q tal?\? nos vemos el sabado a las 9 xfa no llegues tarde"),
    T("El contrato podrá rescindirse con un preaviso de treinta días."),
    T("Historia breve de los faros del Atlántico"),
    T("El panadero del pueblo se levantaba a las tres de la mañana y a las seis ya había vendido la mitad de lo que "
      "hacía. Decía que el secreto no estaba en la harina ni en el horno, sino en el agua, que bajaba de la sierra y "
      "sabía a piedra. Cuando trajeron el agua de la red, más limpia y más cara, el pan salió igual que siempre, pero "
      "él juró hasta el final que ya no era lo mismo, y todos, por cariño, le dimos la razón."),
    T("La vacuna se administra en dos dosis con un intervalo de ocho semanas."),
    /* Portuguese */
    T("como tirar mancha de vinho do sofá"),
    T("A que horas parte o último barco para a ilha?"),
    T("Não há pressa: o comboio só chega depois do almoço."),
    T("São João, bolo de milho e fogueira até de madrugada"),
    T("O avô contava sempre a mesma história, mas nunca com o mesmo fim."),
    T("Fones de ouvido sem fio com estojo de carregamento, brancos"),
    T("vc viu o jogo ontem? q golaço!!! ⚽"),
    T("A decisão do tribunal foi publicada na quinta-feira."),
    T("Este medicamento deve ser conservado em local fresco e seco."),
    T("Na margem do rio havia uma oficina onde se faziam barcos pequenos, pintados de cores que não combinavam. O dono "
      "explicava que as cores serviam para ver os barcos no nevoeiro e que a beleza era problema dos turistas. Fazia "
      "três por ano, nunca quatro, porque o quarto, dizia ele, sai sempre com pressa, e um barco feito com pressa "
      "sabe-o e vinga-se na primeira tempestade."),
    T("A inflação abrandou em março pelo terceiro mês consecutivo."),
    /* Italian */
    T("orari autobus linea 12 stazione centrale"),
    T("Perché il cielo al tramonto è rosso?"),
    T("La nonna metteva sempre una foglia d'alloro nel sugo."),
    T("Vendesi bicicletta da corsa, usata pochissimo, 350 euro trattabili"),
    T("Non c'è più posto in treno: si è liberato però un sedile accanto al finestrino."),
    T("Breve storia della carta da musica"),
    T("che bello!!! ci vediamo lì 😍"),
    T("Il ricorso deve essere presentato entro sessanta giorni dalla notifica."),
    T("VIETATO L'INGRESSO AI NON ADDETTI AI LAVORI"),
    T("Il paese sta in cima a una collina e ha più scale che strade. D'inverno ci abitano in novanta, d'estate in "
      "quattrocento, e la differenza sono i figli dei figli di quelli che partirono. Arrivano con le macchine, si "
      "lamentano delle scale, mangiano per due settimane come se dovessero attraversare un deserto e poi ripartono "
      "promettendo di tornare a Natale. A Natale non torna nessuno, ma il bar tiene da parte i panettoni fino a "
      "febbraio."),
    T("Il sensore misura la temperatura ogni dieci secondi e la invia al server."),
    /* Dutch */
    T("fietsenmaker in de buurt open op zondag"),
    T("Hoe verwijder ik kalkaanslag uit een douchekop?"),
    T("De brug blijft tot eind oktober gesloten voor alle verkeer."),
    T("Mijn zusje heeft een konijn dat nergens bang voor is."),
    T("Korte geschiedenis van de windmolen"),
    T("Het waterschap verhoogt de dijk met veertig centimeter."),
    T("ff wachten, ik ben er over 5 min"),
    T("Gelieve uw bestelling binnen drie werkdagen op te halen."),
    T("Lichtgrijze wollen trui, maat L, handwas"),
    T("Toen het ijs eindelijk dik genoeg was, stond het hele dorp om acht uur 's ochtends op de vaart. De school had "
      "vrij gegeven, de bakker had een kraam met warme chocolademelk neergezet en de oude schaatsen werden van zolder "
      "gehaald, geslepen en te klein bevonden. Tegen de middag begon het te dooien. Niemand wilde het als eerste "
      "zeggen, en zo gleden we met z'n allen door het water, tot de burgemeester met natte voeten naar huis ging."),
    /* Polish */
    T("jak usunąć rdzę z roweru"),
    T("Czy sklep przy dworcu jest otwarty w niedzielę?"),
    T("Zażółć gęślą jaźń, mówi stary żart o polskich literach."),
    T("W nocy spadło tyle śniegu, że nie mogliśmy otworzyć drzwi."),
    T("Krótka historia bursztynu"),
    T("Kurtka zimowa męska, rozmiar XL, granatowa"),
    T("no hej, co tam? dawno cię nie było 😊"),
    T("Umowa wchodzi w życie z dniem podpisania przez obie strony."),
    T("UWAGA! WYSOKIE NAPIĘCIE"),
    T("Babcia trzymała pieniądze w puszce po herbacie, a herbatę w pudełku po butach. Tłumaczyła, że złodziej, który "
      "przyjdzie po pieniądze, zacznie od miejsc, w których trzyma się pieniądze, a w puszce po herbacie nikt rozsądny "
      "nie szuka niczego prócz herbaty. Kiedy zapytałem, co stoi w takim razie w kredensie, odpowiedziała po namyśle, "
      "że nic, ale zamknięte na klucz."),
    T("Pomiar wykonano trzykrotnie i przyjęto wartość średnią."),
    /* Turkish */
    T("İstanbul'dan İzmir'e otobüs kaç saat sürer"),
    T("Yarın hava nasıl olacak?"),
    T("Çocuklar bahçede oynarken yağmur başladı."),
    T("Sözleşme iki nüsha olarak düzenlenmiş ve imzalanmıştır."),
    T("Ucuz kablosuz kulaklık, siyah, 20 saat pil ömrü"),
    T("ya ben bi çıkayım, geç oldu 😴"),
    T("Iğdır'ın kayısısı meşhurdur."),
    T("KAPIYI LÜTFEN KAPALI TUTUNUZ"),
    T("Köyün tek kahvesinde öğleden sonra hep aynı dört kişi otururdu. İkisi tavla oynar, biri onlara karışır, "
      "dördüncüsü de dışarıyı seyreder ve yoldan geçen her arabanın markasını söylerdi. Bir gün yol genişletildi, "
      "arabalar çoğaldı; adam önce hızlandı, sonra yalnızca renklerini söylemeye başladı, en sonunda da sırtını "
      "pencereye dönüp tavla öğrendi."),
    T("Bu ilaç aç karnına alınmamalıdır."),
    T("Kısa deniz fenerleri tarihi"),
    /* Vietnamese */
    T("quán phở ngon gần đây"),
    T("Làm thế nào để đổi mật khẩu?"),
    T("Hôm qua trời mưa suốt cả buổi chiều."),
    T("Giày chạy bộ nam, cỡ 42, màu xám"),
    T("Bà tôi thường kể chuyện ma vào những đêm mất điện."),
    T("Chuyến bay bị hoãn ba tiếng vì sương mù."),
    T("ok mai gặp nha 😄"),
    T("Hợp đồng có hiệu lực kể từ ngày ký."),
    T("Con sông chảy qua làng tôi không lớn, nhưng mùa lũ nó mang về đủ thứ: củi khô, dừa rụng, có năm cả một chiếc "
      "thuyền không người. Ông nội buộc chiếc thuyền vào gốc me và chờ chủ đến tìm. Mười năm sau không ai đến, thuyền "
      "cũng mục, và từ đó người ta gọi khúc sông ấy là bến thuyền lạ."),
    T("Nhiệt độ trung bình tháng này cao hơn năm ngoái hai độ."),
    /* Russian */
    T("купить зимние шины недорого"),
    T("Сколько лететь от Москвы до Владивостока?"),
    T("Вчера в парке открыли новый каток."),
    T("Кот спал на подоконнике и не заметил, как пошёл снег."),
    T("Краткая история русской бани"),
    T("привет, ты где? мы уже все собрались 🙂"),
    T("ВНИМАНИЕ! ПОЕЗД ДАЛЬШЕ НЕ ИДЁТ"),
    T("Договор вступает в силу с момента его подписания сторонами."),
    T("Ошибка 502: сервер временно недоступен, повторите попытку позже."),
    T("Дед чинил часы всему посёлку и никогда не брал денег. Брал он время: пока перебирал шестерёнки, гость должен был "
      "сидеть рядом и рассказывать, что у него нового. Через год дед знал обо всех всё, и если ссорились соседи, шли "
      "мириться к нему."),
    T("Беспроводные наушники, чёрные, до 30 часов работы"),
    T("Вода кипит при ста градусах только на уровне моря."),
    /* Ukrainian */
    T("рецепт борщу без м'яса"),
    T("Чи працює пошта в суботу?"),
    T("Їжак переходив дорогу так повільно, що зупинилася вся колона машин."),
    T("Щойно почався дощ, діти побігли під дах."),
    T("Ґанок пофарбували в синій колір, а двері в жовтий."),
    T("ой, я забула ключі вдома 😅"),
    T("Рішення суду набирає законної сили через тридцять днів."),
    T("Бабуся казала, що хліб треба слухати: коли він готовий, скоринка тихенько потріскує. Ми сиділи біля печі й "
      "слухали, аж поки хтось не засинав."),
    T("Середня температура січня була на два градуси вищою за норму."),
    T("Куртка дитяча, зріст 128, червона"),
    /* Greek */
    T("φθηνά εισιτήρια για Κρήτη"),
    T("Πού είναι η στάση του λεωφορείου;"),
    T("Ο παππούς ψάρευε κάθε πρωί μέχρι τα ενενήντα του."),
    T("Η βιβλιοθήκη θα παραμείνει κλειστή τη Δευτέρα."),
    T("ΠΡΟΣΟΧΗ ΣΤΟ ΚΕΝΟ"),
    T("χρόνια πολλά!!! 🎉"),
    T("Το συμβόλαιο υπογράφεται σε δύο αντίγραφα."),
    T("Στο νησί υπάρχουν τρία καφενεία, ένα για όσους κερδίζουν στα χαρτιά, ένα για όσους χάνουν και ένα για όσους "
      "κοιτάζουν. Το τρίτο είναι πάντα γεμάτο."),
    T("Ασύρματα ακουστικά, μαύρα, με θήκη"),
    T("Γιατί η θάλασσα είναι αλμυρή;"),
    /* Arabic */
    T("أفضل مطعم قريب من المحطة"),
    T("كم تستغرق الرحلة من القاهرة إلى أسوان؟"),
    T("وضعت جدتي المفتاح تحت إناء الزهور ونسيته."),
    T("تأخر القطار ساعة كاملة بسبب الضباب."),
    T("تاريخ موجز لصناعة الورق"),
    T("مبروك يا صديقي 🎉"),
    T("يسري هذا العقد من تاريخ توقيعه."),
    T("كان في حارتنا رجل يصلح المظلات. في الصيف كان ينام، وفي الشتاء كان يغضب لأن الناس لا يأتون إليه إلا حين ينزل "
      "المطر."),
    T("سماعات لاسلكية سوداء بعلبة شحن"),
    T("لماذا السماء زرقاء؟"),
    /* Hebrew */
    T("מתי יוצאת הרכבת האחרונה לחיפה"),
    T("הילדה ציירה בית כחול עם שלוש דלתות."),
    T("איפה אפשר לתקן אופניים ביום שישי?"),
    T("החוזה ייכנס לתוקף ביום החתימה."),
    T("תודה רבה!!! 😊"),
    T("הספרייה סגורה עד סוף החודש בגלל שיפוצים."),
    T("סבא שלי אסף בולים מארצות שכבר אינן קיימות, ואמר שהן לפחות לא יאכזבו אותו."),
    T("אוזניות אלחוטיות, צבע לבן"),
    T("שלום, יש מישהו בבית?"),
    T("קיצור תולדות הסבון"),
    /* Hindi */
    T("पास का डाकघर कब खुलता है"),
    T("दिल्ली से आगरा कितनी दूर है?"),
    T("बारिश शुरू होते ही बच्चे छत के नीचे भाग गए।"),
    T("दादी हर शाम तुलसी के पास दीया जलाती थीं।"),
    T("मोबाइल चार्जर, काला, दो मीटर"),
    T("जन्मदिन मुबारक हो 🎂"),
    T("यह अनुबंध हस्ताक्षर की तारीख से लागू होगा।"),
    T("गाँव के कुएँ का पानी मीठा था, पर रस्सी छोटी थी। हर साल गर्मियों में कोई न कोई एक गाँठ और जोड़ देता था।"),
    T("आज तापमान चालीस डिग्री तक पहुँच गया।"),
    T("क्या आप मेरी मदद कर सकते हैं?"),
    /* Bengali */
    T("কাছের ওষুধের দোকান"),
    T("ঢাকা থেকে সিলেট যেতে কত সময় লাগে?"),
    T("নদীর ঘাটে নৌকাগুলো সারি বেঁধে দাঁড়িয়ে আছে।"),
    T("আজ সকাল থেকে বৃষ্টি হচ্ছে।"),
    T("শুভ জন্মদিন 🎉"),
    T("বইটি আমি গত মাসে পড়েছি।"),
    T("এই চুক্তি স্বাক্ষরের দিন থেকে কার্যকর হবে।"),
    T("মা বলতেন, আগে ভাত, তারপর কথা।"),
    T("লাল রঙের সুতির শাড়ি"),
    /* Thai */
    T("ร้านกาแฟใกล้สถานีรถไฟ"),
    T("พรุ่งนี้ฝนจะตกไหม"),
    T("คุณยายเลี้ยงแมวสามตัวกับนกแก้วหนึ่งตัว"),
    T("รถไฟขบวนสุดท้ายออกเวลาห้าทุ่ม"),
    T("เปลี่ยนรหัสผ่านได้อย่างไร"),
    T("ขอบคุณมากค่ะ 🙏"),
    T("สัญญานี้มีผลตั้งแต่วันที่ลงนาม"),
    T("หูฟังไร้สาย สีดำ"),
    T("ตลาดเช้าริมคลองเปิดตั้งแต่ตีห้า แม่ค้าพายเรือมาขายผลไม้และขนม"),
    T("น้ำเดือดที่หนึ่งร้อยองศา"),
    /* Chinese */
    T("附近的加油站"),
    T("明天会下雨吗?"),
    T("爷爷每天早上在河边钓鱼,中午空着手回家。"),
    T("从北京到上海坐高铁要多长时间?"),
    T("本合同自双方签字之日起生效。"),
    T("造纸术简史"),
    T("无线耳机,黑色,续航三十小时"),
    T("生日快乐🎂"),
    T("會議改到下星期三下午三點,地點不變。"),
    T("村口有一棵老槐树,夏天大家都在树下乘凉。修路的时候有人说要砍掉它,第二天树上挂满了红布条,路就绕了一个弯。"),
    T("服务器暂时无法访问,请稍后再试。"),
    T("我把鑰匙忘在辦公室了。"),
    T("水在一百摄氏度时沸腾。"),
    /* Japanese */
    T("近くの図書館は何時まで開いていますか"),
    T("明日の天気"),
    T("祖母は毎朝、庭の花に水をやります。"),
    T("電車が遅れているので、会議に間に合いません。"),
    T("ワイヤレスイヤホン 黒 充電ケース付き"),
    T("誕生日おめでとう🎉"),
    T("本契約は署名の日から効力を生じる。"),
    T("駅前のそば屋は、雨の日だけ天ぷらを一つおまけしてくれる。だから梅雨になると、傘を持たない客が増える。"),
    T("パスワードを忘れた場合はこちら"),
    T("ネコが箱に入ったまま出てこないwww"),
    T("サーバーに接続できませんでした。(エラー 504)"),
    T("なぜ海の水は塩辛いのですか?"),
    /* Korean */
    T("근처 약국 영업시간"),
    T("서울에서 부산까지 얼마나 걸려요?"),
    T("할머니는 겨울마다 김치를 서른 포기씩 담그셨다."),
    T("내일 아침에 비가 올까요?"),
    T("무선 이어폰, 흰색, 충전 케이스 포함"),
    T("생일 축하해 🎂ㅋㅋㅋ"),
    T("이 계약은 서명한 날부터 효력이 있다."),
    T("기차가 안개 때문에 한 시간 늦게 도착했다."),
    T("골목 끝 책방 주인은 책을 팔기 싫어하는 사람이었다. 좋은 책을 고르면 한숨을 쉬었다."),
    T("비밀번호를 바꾸려면 여기를 누르세요"),
    T("물은 백 도에서 끓는다."),
    /* Mixtures */
    T("Meeting mit dem Team in 東京 next Tuesday, 10:00 JST"),
    T("The Greek word λόγος means both word and reason."),
    T("def grüße(name): return f\"Grüß Gott, {name}!\""),
    T("iPhone 用ケース (black) を 2 個注文しました"),
    T("He wrote спасибо on the card and signed it in English."),
    T("Café Молоко, 12 rue du Port, открыто до 22:00"),
    T("error: не удалось открыть файл config.yaml: Permission denied"),
    T("我的 laptop 又 crash 了, blue screen 😭"),
    T("{\"name\": \"Łukasz\", \"city\": \"Gdańsk\", \"note\": \"צלצל לפני\", \"qty\": 3}"),
    T("Привет! How are you? Ça va? ¿Todo bien?"),
    T("The sign read 出口 / 출구 / Exit in letters of three sizes."),
    T("SELECT * FROM städte WHERE name LIKE 'Mün%' ORDER BY größe DESC;"),
    T("ich muss noch das meeting moven, sonst crasht mein ganzer tag"),
    T("π ≈ 3.14159, e ≈ 2.71828, √2 ≈ 1.41421"),
    T("Ω = V/A; 5 µm ± 0,2 µm; −40 °C … +85 °C"),
    T("← back | next →"),
    T("∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε"),
    T("Namaste नमस्ते, shalom שלום, salaam سلام, hello."),
    T("🇫🇮 vs 🇵🇹 2:1 (0:1)"),
    T("👩‍🔬👨‍🍳🧑🏽‍🚀"),
    T("kia ora! haere mai ki te whare"),
    T("Ég á ekki orð yfir þetta veður."),
    T("Tänään sataa räntää, huomenna ehkä lunta."),
    T("Děkuji, příště přijdu včas a přinesu buchty."),
    T("Mikor indul a következő vonat Szegedre?"),
    T("Mai este mult până la mare?"),
    T("Jag har glömt mitt paraply på bussen."),
};

const size_t vecd_quality_sample_size = sizeof vecd_quality_sample / sizeof *vecd_quality_sample;
