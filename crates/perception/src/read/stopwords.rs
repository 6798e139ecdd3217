//! Words that say nothing about a subject, for the languages whose labels and keywords are cleaned of them. Contractions
//! are listed without what follows their apostrophe (see [`super::terms`]).

const EN: &str = "a about above actually after again against ago ain all almost along already also although always am among an and \
 another any anybody anyone anything anyway are aren around as ask at away back basically be became because become been before \
 being below between both but by call came can cannot come could couldn day days did didn do does doesn doing don done down during \
 each either else enough er even ever every everybody everyone everything exactly far few first for from get gets getting give given \
 go goes going gone gonna good got gotta great guess guy guys had hadn has hasn have haven having he hello hence her here hers herself \
 hey hi him himself his hmm how however i if in indeed instead into is isn it its itself just keep kind knew know known last least \
 less let lets like likely little ll long look lot lots made make makes making many may maybe me mean means might mine more most \
 mostly much must mustn my myself near need never new next no nobody none nor not nothing now nowhere of off often oh ok okay old on \
 once one ones only onto or other others ought our ours ourselves out over own part people perhaps pretty probably put quite rather \
 re really right said same saw say saying says see seem seemed seems seen shall shan she should shouldn since so some somebody \
 somehow someone something sometimes somewhere soon sort still stuff such sure take taken talk tell than thank thanks that the thee \
 their theirs them themselves then there thereby therefore these they thine thing things think this those thou though thought three through \
 thus thy till time times to today together told too took toward towards tried true try trying two uh um under unless until up upon \
 us use used using usually ve very want wanted was wasn way we well went were weren what whatever when where whether which while who \
 whole whom whose why will with within without won would wouldn yeah year years yes yet you your yours yourself yourselves";

const DE: &str = "ab aber alle allem allen aller alles als also am an andere anderen anderer anderes auch auf aus bei beim bin bis bist \
 da dabei dadurch dafür damit danach dann daran darauf darin darum darüber das dass dazu dein deine dem den denn der deren des deshalb \
 dich die dies diese diesem diesen dieser dieses dir doch dort du durch eben ein eine einem einen einer eines einfach einmal er es \
 etwas euch euer eure fast für gab ganz gar geben gegen gehen geht gemacht genau gerade gesagt gewesen gibt gut habe haben hat hatte \
 hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im immer in ins irgendwie ist ja jede jedem jeden jeder jedes \
 jetzt kann kannst kein keine keinen können könnte kommen kommt lassen leute machen macht mal man manche mehr mein meine meinem meinen \
 mich mir mit muss müssen nach natürlich nein nicht nichts nie noch nun nur ob oder oft ohne sagen sagt schon sehr sein seine seinem \
 seinen seiner seit sich sie sind so solche soll sollen sollte sondern sonst über um und uns unser unsere unter viel viele vielleicht \
 vom von vor wann war waren warum was weg weil weiter welche wenn wer werden wie wieder will wir wird wirklich wissen wo wollen worden \
 wurde wurden würde zu zum zur zwar zwei zwischen";

const FR: &str = "à ai aient ainsi alors après as au aucun aura aussi autre autres aux avait avant avec avez avoir avons beaucoup bien bon \
 c ça car ce ceci cela celle celles celui ces cet cette ceux chaque chez chose choses comme comment d dans de depuis des deux devant \
 dire dit doit donc dont du elle elles en encore entre est et était étaient étant été être eu eux fait faire fois font hein ici il ils \
 j je jamais jusque l la là le les leur leurs lui m ma mais même mes mieux moi moins mon n ne ni non nos notre nous on ont ou où oui \
 par parce parle pas pendant peu peut peux plus plusieurs pour pourquoi pouvoir puis qu quand que quel quelle quelque quelques qui quoi \
 s sa sans se sera ses si soit son sont sous sur suis t ta tant te tes toi ton toujours tous tout toute toutes très trop tu un une va \
 vais vers veut veux vient voilà voir vont vos votre vous vraiment vu y";

const ES: &str = "a ahí al algo alguien algún alguna algunas algunos allí antes aquel aquella aquí así aun aún aunque bien bueno cada casi \
 claro como cómo con contra cosa cosas cual cuál cuando cuándo da de decir del desde después día dice dijo donde dónde dos e el él ella \
 ellas ellos en entonces entre era eran eres es esa esas ese eso esos esta está están estaba estado estar estas este esto estos estoy \
 fue fueron gente gran ha haber había hace hacer hacia han hasta hay he hecho hemos hoy ir la las le les lo los luego más me mejor \
 menos mi mí mis mismo momento mucha muchas mucho muchos muy nada ni no nos nosotros nuestra nuestro o otra otras otro otros para pero \
 poco por porque pues puede pueden puedo que qué quien quién quiere quiero se sé sea según ser si sí sido siempre sin sino sobre solo \
 sólo somos son soy su sus también tan tanto te tener tengo ti tiempo tiene tienen toda todas todo todos tu tú tus un una unas uno unos \
 usted va vamos van ver verdad vez voy y ya yo";

const IT: &str = "a abbiamo ad adesso ai al alla alle allo allora altra altre altri altro anche ancora anni avere aveva bene c che chi ci \
 cioè come con così cosa cose cui d da dal dalla dalle dei del dell della delle dello dentro deve di dice dire dopo dove due e è ed ecco \
 era erano essere fa fare fatto fino fra già gli ha hai hanno ho i il in invece io l la le lei li lo loro lui ma mai me meno mi mia mie \
 miei mio molta molte molti molto n ne nei nel nella nelle nessuno niente no noi non nostra nostro o ogni oggi ora per perché però più \
 poco poi possiamo può prima proprio qua quale quali qualche qualcosa quando quanto quel quella quelle quelli quello questa queste questi \
 questo qui quindi s sa se sei sempre senza si sì siamo sia sono sopra sta stata stato stessa stesso su sua sue sui sul sulla suo suoi \
 tanto te ti tra tu tua tue tuo tutta tutte tutti tutto un una uno va vediamo vero voi volta vuole";

const PT: &str = "a agora ai aí ainda algo alguém algum alguma ali antes ao aos aquela aquele aqui as assim até bem boa bom cada coisa coisas \
 com como da daí das de dela dele deles depois desde dessa desse desta deste dia disse diz do dois dos e é ela elas ele eles em então \
 entre era eram essa essas esse esses esta está estão estar estava este estes estou eu fazer faz fez foi for foram gente há hoje ir isso \
 isto já la lá lhe lo mais mas me melhor menos mesmo meu meus minha muita muitas muito muitos na nada não nas nem nenhum no nos nós nossa \
 nosso num numa nunca o onde ou outra outras outro outros para pela pelas pelo pelos pessoas pode podem por porque pouco pra pro qual \
 quando que quem quer se seja sem sempre ser será seu seus si sim só sobre sou sua suas também tão tem têm tempo tenho ter teu tinha toda \
 todas todo todos tu tudo um uma umas uns vai vamos vão você vocês vez vou";

const NL: &str = "aan af al alle alleen allemaal alles als altijd ander andere anderen ben bent bij daar daarom dan dat de den der deze die \
 dit doe doen doet door dus echt een één eens eerst eigenlijk en er erg even gaan gaat geen gewoon goed ga had hadden heb hebben hebt \
 heeft heel hem het hier hij hoe hun iedereen iemand iets ik in is ja je jij jou jouw jullie kan kon komen komt kunnen kwam laat maar maken \
 man me meer meest men met mij mijn misschien moet moeten mogen na naar natuurlijk nee net niemand niet niets nog nou nu of om omdat onder \
 ons onze ook op over paar precies s sinds soms steeds t te tegen toch toen tot twee u uit uw van veel verder via voor waar waarom wanneer \
 want waren was wat we weer weet wel welke wereld werd weten wie wij wil willen word worden wordt zal ze zeer zeg zeggen zegt zelf zich zie \
 zij zijn zo zoals zou zouden";

/// Whether `word` (lower case) is a stop word of `language` (ISO 639-1). Languages without a list have none.
pub fn is_stop(word: &str, language: &str) -> bool {
    let list = match language {
        "en" => EN,
        "de" => DE,
        "fr" => FR,
        "es" => ES,
        "it" => IT,
        "pt" => PT,
        "nl" => NL,
        _ => return false,
    };
    list.split_whitespace().any(|w| w == word)
}

/// Whether `language` has a list.
pub fn has_list(language: &str) -> bool {
    matches!(language, "en" | "de" | "fr" | "es" | "it" | "pt" | "nl")
}
