import { describe, expect, it } from 'vitest';
import { EldDetector } from './eld-detector.js';

const detector = new EldDetector();

describe('the language of a text', () => {
  it.each([
    ['en', 'Hello, I need help with my order please'],
    ['de', 'Guten Tag, ich brauche Hilfe mit meiner Bestellung'],
    ['ja', 'こんにちは、注文について教えてください'],
    ['es', 'Hola, necesito ayuda con mi pedido'],
    ['fr', "Bonjour, j'ai besoin d'aide avec ma commande"],
    ['pt', 'Olá, preciso de ajuda com o meu pedido'],
    ['it', 'Ciao, ho bisogno di aiuto con il mio ordine'],
    ['pl', 'Dzień dobry, potrzebuję pomocy z zamówieniem'],
    ['hr', 'Dobar dan, trebam pomoć oko narudžbe koju sam jučer napravio'],
    ['nl', 'Hallo, ik heb hulp nodig met mijn bestelling'],
    ['ar', 'مرحبا، أحتاج مساعدة في طلبي'],
    ['da', 'Hej, jeg har brug for hjælp til min ordre'],
    ['ko', '안녕하세요, 주문에 대해 도움이 필요합니다'],
    ['sv', 'Hej, jag behöver hjälp med min beställning'],
    ['vi', 'Xin chào, tôi cần giúp đỡ với đơn hàng'],
    ['th', 'สวัสดีค่ะ ต้องการความช่วยเหลือเรื่องคำสั่งซื้อ'],
    ['zh-CN', '你好，我的订单需要帮助'],
    ['zh-TW', '你好，我的訂單需要幫助'],
    ['ru', 'Здравствуйте, подскажите пожалуйста, когда привезут мой заказ'],
  ])('is %s', async (language, text) => {
    expect(await detector.detect(text)).toBe(language);
  });

  it.each([
    ['a word', 'ok thanks'],
    ['a number', '123456789012345678'],
    ['an address', 'https://www.example.com/where/are/my/things'],
    ['a name and a street', 'James Jones 34 High Street'],
    ['no words at all', 'asdf qwer zxcv tyui'],
    ['one of two near relatives', 'Hvor er pakken min?'],
    [
      'a language that the desk does not know',
      'Jó napot kívánok, segítséget szeretnék kérni a rendelésemhez',
    ],
    ['a relative of one of them', 'Добрий день, мені потрібна допомога із замовленням'],
    ['Chinese of either script', '你好你好你好'],
  ])('is not told from %s', async (_, text) => {
    expect(await detector.detect(text)).toBeUndefined();
  });
});
