"""Passages in many languages and scripts, written for these tests: for encodings, words and completion."""

from __future__ import annotations

PASSAGES: dict[str, str] = {
    "german": (
        "Früh am Morgen öffnete die Bäckerin ihren Laden. Über "
        "der Tür hing ein großes Schild, und aus dem Ofen kam "
        "der Geruch von frischem Brot. Die Kinder liefen die Straße "
        "hinunter, grüßten den alten Müller und fragten, "
        "ob er schöne Äpfel hätte. „Natürlich“, sagte er, „für euch immer.“ Danach ging jeder seinen Weg."
    ),
    "french": (
        "Le matin, la boulangère ouvrait sa boutique dès que le "
        "soleil se levait. L’été était déjà là, et les élèves "
        "passaient en riant devant la fenêtre. « Où allez-vous "
        "? » demanda-t-elle. Ils répondirent qu’ils allaient "
        "à la rivière, près du vieux pont, où l’eau était fraîche "
        "et où l’on pêchait même après la tombée du soir."
    ),
    "spanish": (
        "Por la mañana, la panadera abrió su tienda mientras "
        "los niños corrían por la calle. ¿Quién quiere pan? "
        "preguntó con alegría. El señor Muñoz compró una barra "
        "pequeña y también un café. Después caminó hasta el "
        "jardín, donde había árboles, pájaros y una fuente que sonaba como una canción antigua."
    ),
    "polish": (
        "Wczesnym rankiem piekarka otworzyła sklep. Dzieci biegły "
        "ulicą, śmiały się głośno i pytały, czy jest już "
        "świeży chleb. Stary młynarz siedział przy oknie i pił "
        "gorącą herbatę. Później wszyscy poszli nad rzekę, "
        "gdzie woda była zimna, a wędkarze czekali na swoje szczęście aż do późnego wieczora."
    ),
    "czech": (
        "Brzy ráno otevřela pekařka svůj krám. Děti běžely po ulici, "
        "smály se a ptaly se, jestli už je čerstvý chléb. "
        "Starý mlynář seděl u okna a pil horký čaj. Později šli "
        "všichni k řece, kde byla voda studená a rybáři "
        "čekali na své štěstí až do pozdního večera. Nikdo nespěchal, protože bylo léto."
    ),
    "turkish": (
        "Sabahın erken saatinde fırıncı dükkânını açtı. Çocuklar "
        "sokakta koşuyor, gülüyor ve taze ekmeğin hazır olup "
        "olmadığını soruyorlardı. Yaşlı değirmenci pencerenin yanında "
        "oturmuş, sıcak çayını içiyordu. Sonra herkes "
        "ırmağa gitti; su soğuktu ve balıkçılar akşama kadar şanslarını bekledi."
    ),
    "russian": (
        "Рано утром пекарь открыла свою лавку. Дети бежали по "
        "улице, смеялись и спрашивали, готов ли свежий хлеб. "
        "Старый мельник сидел у окна и пил горячий чай. Потом "
        "все пошли к реке, где вода была холодной, а рыбаки "
        "ждали своей удачи до позднего вечера. Никто не спешил, потому что наступило лето."
    ),
    "ukrainian": (
        "Рано вранці пекарка відчинила свою крамницю. Діти бігли "
        "вулицею, сміялися й питали, чи вже є свіжий хліб. "
        "Старий мірошник сидів біля вікна і пив гарячий чай. "
        "Потім усі пішли до річки, де вода була холодна, а "
        "рибалки чекали на своє щастя до пізнього вечора. Ніхто не поспішав, бо настало літо."
    ),
    "greek": (
        "Νωρίς το πρωί η φουρνάρισσα άνοιξε το μαγαζί της. Τα "
        "παιδιά έτρεχαν στον δρόμο, γελούσαν και ρωτούσαν αν "
        "υπάρχει φρέσκο ψωμί. Ο γέρος μυλωνάς καθόταν στο παράθυρο "
        "και έπινε ζεστό τσάι. Ύστερα όλοι πήγαν στο "
        "ποτάμι, όπου το νερό ήταν κρύο και οι ψαράδες περίμεναν ως αργά το βράδυ."
    ),
    "hebrew": (
        "מוקדם בבוקר פתחה האופה את החנות שלה. הילדים רצו ברחוב, "
        "צחקו ושאלו אם כבר יש לחם טרי. הטוחן הזקן ישב ליד "
        "החלון ושתה תה חם. אחר כך הלכו כולם אל הנהר, שבו המים "
        "היו קרים, והדייגים חיכו למזלם עד שעת ערב מאוחרת. "
        "איש לא מיהר, כי הקיץ כבר הגיע."
    ),
    "arabic": (
        "في الصباح الباكر فتحت الخبازة دكانها. كان الأطفال يركضون "
        "في الشارع ويضحكون ويسألون إن كان الخبز الطازج "
        "جاهزا. جلس الطحان العجوز قرب النافذة وشرب الشاي الساخن. "
        "ثم ذهب الجميع إلى النهر حيث كان الماء باردا، "
        "وانتظر الصيادون حظهم حتى المساء. لم يكن أحد في عجلة لأن الصيف قد جاء."
    ),
    "chinese": (
        "清晨，面包师打开了她的小店。孩子们在街上奔跑，笑着问新鲜的面包做好了没有。老磨坊主坐在窗边喝着热茶。后来大家都去了"
        "河边，那里的水很凉，渔夫们一直等到深夜，盼望着好运气。没有人着急，"
        "因为夏天已经来了。天上有云，地上有风，远处的山是青的。"
    ),
    "traditional chinese": (
        "清晨，麵包師打開了她的小店。孩子們在街上奔跑，笑著問新鮮的麵包做好了沒有。老磨坊主坐在窗邊喝著熱茶。後來大家都去了"
        "河邊，那裡的水很涼，漁夫們一直等到深夜，盼望著好運氣。沒有人著急，"
        "因為夏天已經來了。天上有雲，地上有風，遠處的山是青的。"
    ),
    "japanese": (
        "朝早く、パン屋の女主人は店を開けました。子どもたちは通りを走り、笑いながら、焼きたてのパンはもうありますかと"
        "たずねました。年をとった粉屋は窓のそばに座って、熱いお茶を飲んでいました。それからみんなは川へ行きました。水は冷たく、"
        "漁師たちは夜おそくまで幸運を待っていました。夏が来たので、だれも急ぎませんでした。"
    ),
    "korean": (
        "이른 아침, 빵집 주인은 가게 문을 열었습니다. 아이들은 거리를 "
        "달리며 웃고, 갓 구운 빵이 있는지 물었습니다. 늙은 "
        "방앗간 주인은 창가에 앉아 뜨거운 차를 마시고 있었습니다. 그 "
        "뒤 모두 강으로 갔습니다. 물은 차가웠고 어부들은 밤늦게까지 "
        "행운을 기다렸습니다. 여름이 왔기 때문에 아무도 서두르지 않았습니다."
    ),
    "thai": (
        "เช้าตรู่ แม่ค้าขนมปังเปิดร้านของเธอ เด็กๆ วิ่งไปตามถนน หัวเราะและถามว่ามีขนมปังสดใหม่หรือยัง "
        "คนโม่แป้งชรานั่งอยู่ข้างหน้าต่างและดื่มชาร้อน จากนั้นทุกคนก็ไปที่แม่น้ำ น้ำเย็น และชาวประมงรอโชคของเขาจนดึก "
        "ไม่มีใครรีบร้อน เพราะฤดูร้อนมาถึงแล้ว"
    ),
    "hindi": (
        "सुबह जल्दी बेकरी वाली ने अपनी दुकान खोली। बच्चे गली में दौड़ते "
        "हुए हँस रहे थे और पूछ रहे थे कि ताज़ी रोटी है या नहीं। "
        "बूढ़ा चक्की वाला खिड़की के पास बैठकर गरम चाय पी रहा था। फिर सब नदी की ओर गए, जहाँ पानी ठंडा था।"
    ),
    "bengali": (
        "খুব ভোরে রুটিওয়ালি তার দোকান খুলল। ছেলেমেয়েরা রাস্তায় দৌড়াচ্ছিল, "
        "হাসছিল আর জিজ্ঞেস করছিল টাটকা রুটি আছে কি না। "
        "বুড়ো কলওয়ালা জানালার পাশে বসে গরম চা খাচ্ছিল। তারপর সবাই নদীর দিকে গেল, সেখানে জল ছিল ঠান্ডা।"
    ),
    "tamil": (
        "அதிகாலையில் ரொட்டிக் கடைக்காரி தன் கடையைத் திறந்தாள். குழந்தைகள் தெருவில் ஓடினார்கள், சிரித்தார்கள், புதிய ரொட்டி "
        "இருக்கிறதா என்று கேட்டார்கள். வயதான மாவரைப்பவர் சன்னலருகே அமர்ந்து சூடான தேநீர் குடித்தார்."
    ),
    "persian": (
        "صبح زود نانوا مغازه‌اش را باز کرد. بچه‌ها در کوچه می‌دویدند، "
        "می‌خندیدند و می‌پرسیدند که نان تازه هست یا نه. "
        "آسیابان پیر کنار پنجره نشسته بود و چای داغ می‌نوشید. "
        "سپس همه به کنار رودخانه رفتند، جایی که آب سرد بود."
    ),
    "vietnamese": (
        "Sáng sớm, bà chủ tiệm bánh mở cửa hàng. Trẻ con chạy trên "
        "đường phố, cười vang và hỏi bánh mì nóng đã có chưa. "
        "Ông lão xay bột ngồi bên cửa sổ uống trà nóng. Sau đó mọi người ra bờ sông, nơi nước rất lạnh."
    ),
    "khmer": ("ព្រឹកព្រលឹម អ្នកលក់នំប៉័ងបានបើកហាងរបស់គាត់។ ក្មេងៗរត់តាមផ្លូវ សើច ហើយសួរថាមាននំប៉័ងថ្មីហើយឬនៅ។"),
    "georgian": (
        "დილით ადრე მცხობელმა თავისი მაღაზია გახსნა. ბავშვები ქუჩაში დარბოდნენ, "
        "იცინოდნენ და კითხულობდნენ, არის თუ არა ცხელი პური."
    ),
    "armenian": (
        "Վաղ առավոտյան հացթուխը բացեց իր խանութը։ Երեխաները վազում "
        "էին փողոցով, ծիծաղում և հարցնում, թե արդյոք թարմ հաց կա։"
    ),
}
"""By language; each some sentences long."""

ENCODED: tuple[tuple[str, str], ...] = (
    ("german", "cp1252"),
    ("german", "latin-1"),
    ("french", "cp1252"),
    ("spanish", "cp1252"),
    ("spanish", "latin-1"),
    ("polish", "cp1250"),
    ("polish", "iso8859-2"),
    ("czech", "cp1250"),
    ("czech", "iso8859-2"),
    ("turkish", "cp1254"),
    ("turkish", "iso8859-9"),
    ("russian", "cp1251"),
    ("russian", "koi8-r"),
    ("russian", "iso8859-5"),
    ("russian", "cp866"),
    ("ukrainian", "cp1251"),
    ("ukrainian", "koi8-u"),
    ("greek", "cp1253"),
    ("greek", "iso8859-7"),
    ("hebrew", "cp1255"),
    ("hebrew", "iso8859-8"),
    ("arabic", "cp1256"),
    ("arabic", "iso8859-6"),
    ("chinese", "gb18030"),
    ("chinese", "gbk"),
    ("traditional chinese", "big5"),
    ("japanese", "shift_jis"),
    ("japanese", "euc_jp"),
    ("korean", "euc_kr"),
    ("thai", "tis-620"),
)
"""Languages and the encodings that files in them were written in before UTF-8."""


def encoded(language: str, encoding: str) -> bytes:
    """The passage in an encoding, which has no character for some of its marks."""
    text = PASSAGES[language]
    if encoding in ("latin-1", "iso8859-9"):
        text = text.replace("’", "'").replace("„", '"').replace("“", '"')
    return text.encode(encoding)
